"""Network policies of every stack let through what is needed, and nothing of what must not be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.assertions.graphs import STACKS, graph, platform
from tests.behaviour.reach.cluster import Cluster, site_of
from tests.behaviour.reach.network_policies import Connection, allowed
from tests.evaluated import evaluate

pytestmark = pytest.mark.behaviour
ROWS: Sequence[Mapping[str, Any]] = yaml.safe_load((Path(__file__).parent / "rows.yaml").read_text("utf-8"))["rows"]
LEAST = {"prod": 100, "onprem": 60}
"""Connections that are judged at least in the reference stacks with endpoints of several kinds."""
EMPTY = {"training-only"}
"""Stacks without pods of ours, whose namespaces and policies are those of whoever trains: nothing is judged there."""
Policies = Sequence[Mapping[str, Any]]


@cache
def cluster(stack: str) -> Cluster:
    found = evaluate(STACKS[stack]).platform
    return Cluster(graph(stack), site_of(platform(stack), getattr(found, "endpoints", {})))


@cache
def asked(stack: str) -> list[tuple[Mapping[str, Any], Connection]]:
    """Every connection of every row."""
    return [(row, connection) for row in ROWS for connection in cluster(stack).connections(row)]


def wrong(stack: str, policies: Policies) -> Iterator[str]:
    """What goes otherwise than its row says."""
    for row, connection in asked(stack):
        if allowed(connection, policies, cluster(stack).namespaces) != (row["must"] == "pass"):
            yield f"{row['flow']}: must {row['must']}: {connection}; {row['source']}"


def test_stacks_in_which_nothing_is_judged_are_named() -> None:
    assert {stack for stack in STACKS if not asked(stack)} == EMPTY


@pytest.mark.parametrize("stack", sorted(STACKS.keys() - EMPTY))
def test_what_must_be_reached_is_and_nothing_else(stack: str, record_property: Callable[[str, object], None]) -> None:
    refused = sum(row["must"] == "not" for row, _ in asked(stack))
    record_property("judged", f"reach in the cluster, {stack}: {len(asked(stack))} connections, {refused} of them must not open")
    assert len(asked(stack)) >= LEAST.get(stack, 1)
    assert [*wrong(stack, cluster(stack).policies)] == []


def mutants(policies: Policies) -> Iterator[tuple[str, Policies]]:
    """Each policy left out, and each rule of each policy."""
    closing = {p["metadata"]["namespace"] for p in policies if not p["spec"]["podSelector"]}
    for index, policy in enumerate(policies):
        spec, rest = policy["spec"], [*policies[:index], *policies[index + 1 :]]
        name = f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
        rules = [(way, at) for way in ("ingress", "egress") for at in range(len(spec.get(way) or ()))]
        if rules or not spec["podSelector"] or policy["metadata"]["namespace"] not in closing:
            yield f"{name} left out", rest
        for way, at in rules:
            kept = [rule for position, rule in enumerate(spec[way]) if position != at]
            yield f"{name} without {way}[{at}]", [*rest, {**policy, "spec": {**spec, way: kept}}]


@pytest.mark.parametrize("stack", ["onprem", "prod", "dev", "large-model", "team-vision"])
def test_each_policy_and_rule_left_out_is_noticed(stack: str, record_property: Callable[[str, object], None]) -> None:
    tried = [*mutants(cluster(stack).policies)]
    missed = [name for name, policies in tried if next(wrong(stack, policies), None) is None]
    record_property("judged", f"reach in the cluster, {stack}: {len(tried)} mutants, {len(tried) - len(missed)} noticed")
    assert tried
    assert missed == []
