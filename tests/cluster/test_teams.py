"""What a team may do on a cluster, before a real API server: everything its stack needs, and nothing beside it."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.control_plane.client import Client, Refused
from tests.cluster.test_accepted import bodies

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
SPACE = "groundwork-prod-team-vision"
SETTLING = 10.0
"""Seconds that a new admission policy may take to be in force."""


def of_the_team() -> list[dict[str, Any]]:
    """What the platform makes for the team."""
    found = [body for cluster in bodies(ROOT / "Pulumi.prod.yaml") for body in cluster]
    return [b for b in found if b["metadata"].get("namespace") == SPACE or b["metadata"]["name"] == SPACE]


def own() -> list[dict[str, Any]]:
    return [body for cluster in bodies(ROOT / "Pulumi.team-vision.yaml") for body in cluster]


@pytest.fixture(scope="module")
def member(api: Client) -> Iterator[Client]:
    """The API server as a member of the team's group sees it, with what the platform made for the team."""
    made = [api.apply(body, manager="pulumi-kubernetes", force=True) for body in of_the_team()]
    client = api.impersonating("somebody", SPACE)
    yield client
    client.close()
    for body in reversed(made):
        if body["kind"] != "Namespace":
            api.delete(body)


def test_a_team_may_make_what_its_stack_consists_of(member: Client) -> None:
    assert len(own()) > 5
    for body in own():
        assert member.apply(body, manager="pulumi-kubernetes", dry_run=True)["metadata"]["namespace"] == SPACE


@pytest.mark.parametrize("namespace", ["default", "kube-system"])
def test_it_may_do_none_of_it_elsewhere(member: Client, namespace: str) -> None:
    for body in own():
        elsewhere = copy.deepcopy(body)
        elsewhere["metadata"]["namespace"] = namespace
        with pytest.raises(Refused) as refused:
            member.apply(elsewhere, dry_run=True)
        assert refused.value.code == 403


def test_it_may_not_touch_what_bounds_it(member: Client) -> None:
    for body in of_the_team():
        if body["kind"] == "NetworkPolicy":
            continue
        with pytest.raises(Refused) as refused:
            member.apply(body, manager="team", dry_run=True, force=True)
        assert refused.value.code == 403, body["kind"]


def test_it_may_not_open_its_namespace_as_a_whole(api: Client, member: Client) -> None:
    (closing,) = [body for body in of_the_team() if body["kind"] == "NetworkPolicy"]
    opened = copy.deepcopy(closing)
    opened["spec"]["policyTypes"] = ["Ingress"]
    message = refused_in_the_end(member, opened)
    assert "belongs to the platform" in message
    assert api.apply(opened, manager="pulumi-kubernetes", dry_run=True, force=True)["spec"]["policyTypes"] == ["Ingress"]


def refused_in_the_end(member: Client, body: dict[str, Any]) -> str:
    """Why the API server refuses; it takes a moment until a new admission policy is in force."""
    until = time.monotonic() + SETTLING
    while time.monotonic() < until:
        try:
            member.apply(body, manager="team", dry_run=True, force=True)
        except Refused as refused:
            return str(refused)
        time.sleep(0.2)
    raise AssertionError("the policy that closes the namespace was opened by the team")
