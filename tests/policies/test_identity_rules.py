"""Trust in identity providers, and ceilings, judged case by case."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components.aws.documents.boundary import boundary
from policies.rules.identity import leaks, unbound

ISSUER = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
SOUND = {f"{ISSUER}:sub": "system:serviceaccount:training:trainer", f"{ISSUER}:aud": "sts.amazonaws.com"}
OPEN: dict[str, Mapping[str, Any]] = {
    "no condition": {},
    "no audience": {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:training:trainer"}},
    "no subject": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"}},
    "a pattern of subjects": {"StringLike": SOUND},
    "a pattern compared exactly": {"StringEquals": {**SOUND, f"{ISSUER}:sub": "system:serviceaccount:training:*"}},
}


def test_an_exact_subject_and_audience_are_enough() -> None:
    assert list(unbound({"StringEquals": SOUND})) == []


@pytest.mark.parametrize("condition", OPEN.values(), ids=OPEN)
def test_an_identity_that_is_not_compared_exactly_is_told(condition: Mapping[str, Any]) -> None:
    assert list(unbound(condition))


def test_a_ceiling_must_hold_what_is_under_it() -> None:
    statements = boundary("111122223333", ["us-west-2"], "arn:aws:iam::111122223333:role/x-*")
    assert list(leaks({"Statement": json.loads(json.dumps(statements))})) == []
    loose = [s for s in statements if s.get("Sid") != "NoEscalation"]
    assert "iam:PutRolePolicy" in next(iter(leaks({"Statement": loose})))
