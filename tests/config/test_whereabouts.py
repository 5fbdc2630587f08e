"""Ids that tell an account or a region are held against the site's, in every field that has one."""

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.aws.regions import REGIONS
from components.catalogue.offerings import region_of_zone_id, zones_of
from infra.aws.whereabouts import ANY_ACCOUNT, ARN, FREE_TEXT, partition
from infra.config import load_file
from tests.config.fields import CONTEXTS, Place, changed, data, fields, judged, leaves, model
from tests.evaluated import ROOT

OTHER_ACCOUNT, OTHER_REGION = "999988887777", "eu-north-1"


def arns() -> Iterator[tuple[str, Place, str]]:
    """Every ARN in the files that state every field, with the context and the place."""
    for context in CONTEXTS:
        document = data(context)
        for place in leaves(document):
            value: Any = document
            for part in place:
                value = value[part]
            if isinstance(value, str) and ARN.fullmatch(value):
                yield context, place, value


FOUND = list(arns())


def refused(context: str, place: Place, value: str) -> bool:
    return judged(context, changed(data(context), {place: value})) is None


def test_an_arn_of_another_account_or_region_is_refused_in_every_field(record_property: Callable[[str, Any], None]) -> None:
    tried = 0
    for context, place, value in {(".".join(map(str, place))): (context, place, value) for context, place, value in FOUND}.values():
        parts, spelt = value.split(":"), ".".join(map(str, place))
        if parts[3]:
            assert refused(context, place, ":".join([*parts[:3], OTHER_REGION, *parts[4:]])), spelt
        other = ":".join([*parts[:4], OTHER_ACCOUNT, *parts[5:]])
        free = any(fnmatchcase(spelt, field) for field in ANY_ACCOUNT)
        alone = spelt == "cluster.administrators.0" and len(data(context)["cluster"]["administrators"]) == 1
        assert refused(context, place, other) == (alone or not free), spelt
        assert refused(context, place, value.replace("arn:aws:", "arn:aws-cn:")), spelt
        tried += 1
    record_property("judged", f"fields with ARNs, given one of another account, region and partition: {tried}")
    assert tried >= 12


def test_what_may_be_of_another_account_are_fields_that_there_are() -> None:
    known = {pattern.replace("[]", "*").replace(".(word)", "") for context in CONTEXTS for pattern in fields(model(context))}
    for field in (*ANY_ACCOUNT, *FREE_TEXT):
        assert [pattern for pattern in known if fnmatchcase(pattern, field)], field
    assert all(ANY_ACCOUNT.values())


def test_what_is_of_another_account_is_told() -> None:
    change = {("cluster", "administrators"): [f"arn:aws:iam::{account}:role/deploy" for account in ("111122223333", OTHER_ACCOUNT)]}
    platform = judged("aws", changed(data("aws"), change))
    assert platform
    (text,) = [note.text for note in platform.notes() if note.subject == "other accounts"]
    assert f"cluster.administrators[1] of {OTHER_ACCOUNT}" in text


def test_dev_names_nothing_of_other_accounts() -> None:
    platform, _ = load_file(ROOT / "Pulumi.dev.yaml")
    assert "other accounts" not in {note.subject for note in platform.notes()}


@pytest.mark.parametrize(
    ("zone", "zone_id", "fits"),
    [
        ("us-west-2a", "usw2-az3", True),
        ("us-west-2a", "use2-az1", False),
        ("us-west-2a", "xyz9-az1", True),
    ],
)
def test_a_zone_id_is_of_the_region(zone: str, zone_id: str, fits: bool) -> None:
    place: Place = ("cluster", "pools", "serving", "capacity")
    way = [{"reserved": "cr-0123456789abcdef0", "zone": zone, "zone_id": zone_id, "count": 2}]
    document = changed(
        data("aws"), {place: way, ("cluster", "pools", "serving", "max"): 2, ("cluster", "pools", "serving", "zones"): [zone]}
    )
    del document["endpoints"], document["teams"]
    document["layer"] = ["platform"]
    assert (judged("aws", document) is not None) == fits


def test_zone_ids_and_partitions_are_known() -> None:
    assert region_of_zone_id("usw2-az1") == "us-west-2"
    assert zones_of("us-east-2")["use2-az1"] == "us-east-2a"
    assert {partition(region) for region in REGIONS} == {"aws"}
    assert (partition("cn-north-1"), partition("us-gov-west-1")) == ("aws-cn", "aws-us-gov")
