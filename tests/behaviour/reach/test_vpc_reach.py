"""Routes, security groups and endpoints around every cluster let through what is needed, and nothing of what must not be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.aws.network.vpc import NetworkArgs
from graph.model import Resource
from tests.assertions.graphs import graph, on_aws, platform, with_own_cluster
from tests.behaviour.reach.vpc import JUDGED_TYPES, OUT, ROUTE, Place, Vpc, vpcs

pytestmark = pytest.mark.behaviour
ROWS: Sequence[Mapping[str, Any]] = yaml.safe_load((Path(__file__).parent / "vpc_rows.yaml").read_text("utf-8"))["rows"]
Question = tuple[Mapping[str, Any], Place, Place, int, str]


@cache
def around(stack: str) -> tuple[Vpc, ...]:
    return tuple(vpcs(graph(stack)))


def true_of(row: Mapping[str, Any], vpc: Vpc) -> bool:
    way_out = any("natGatewayId" in r.inputs and r.inputs["destinationCidrBlock"] == "0.0.0.0/0" for r in vpc.of(ROUTE))
    known = {"open": way_out, "closed": not way_out, "private": bool(vpc.visitors())}
    return "when" not in row or known[row["when"]]


def questions(vpc: Vpc) -> Iterator[Question]:
    """Every connection that the rows mean around a cluster."""
    for row in ROWS:
        if true_of(row, vpc):
            pairs = [(a, b) for a in vpc.places(row["from"]) for b in vpc.places(row["to"]) if a is not b]
            yield from ((row, a, b, port, row.get("protocol", "tcp")) for a, b in pairs for port in row["ports"])


def wrong(vpc: Vpc, asked: Sequence[Question]) -> Iterator[str]:
    for row, source, target, port, protocol in asked:
        if vpc.opens(source, target, port, protocol) != (row["must"] == "pass"):
            yield f"{row['flow']}: must {row['must']}: {source} to {target} at {port}; {row['source']}"


STACKS = [name for name in with_own_cluster() if isinstance(platform(name).network, NetworkArgs)]


def test_most_stacks_on_aws_are_judged() -> None:
    assert {name for name in on_aws() if around(name)} == {*STACKS}
    assert len(STACKS) >= 14
    assert {"dev", "prod", "closed", "two-region"} <= {*STACKS}


@pytest.mark.parametrize("stack", STACKS)
def test_what_must_be_reached_is_and_nothing_else(stack: str, record_property: Callable[[str, object], None]) -> None:
    for vpc in around(stack):
        asked = [*questions(vpc)]
        refused = sum(row["must"] == "not" for row, *_ in asked)
        record_property("judged", f"reach in the VPC, {stack}: {len(asked)} connections, {refused} of them must not open")
        assert len(asked) - refused >= 50
        assert refused >= 10
        assert [*wrong(vpc, asked)] == []


def without(vpc: Vpc, left_out: Resource) -> Vpc:
    return Vpc([row for row in vpc.rows if row is not left_out], vpc.cluster)


def judged_rows(vpc: Vpc) -> list[Resource]:
    """Routes, rules and endpoints that connections in the rows depend on: of the VPC, but for its public subnets and its fabric."""
    inside = {
        row.inputs["routeTableId"]
        for row in vpc.of("aws:ec2/routeTableAssociation:RouteTableAssociation")
        if row.inputs.get("subnetId") in vpc.subnets
    }
    found = [row for row in vpc.of(*JUDGED_TYPES) if "public" not in row.name and "fabric" not in row.name]
    routed = [row for row in found if row.inputs.get("routeTableId", next(iter(inside))) in inside]
    # EKS opens its own group outward, so that a rule for it changes nothing.
    routed = [row for row in routed if row.type != OUT or row.inputs["securityGroupId"] != vpc.own]
    return [row for row in routed if row.inputs.get("vpcId", vpc.vpc) == vpc.vpc and row.inputs.get("vpcEndpointType") != "Interface"]


@pytest.mark.parametrize("stack", ["dev", "prod", "closed", "lustre"])
def test_each_route_and_rule_left_out_is_noticed(stack: str, record_property: Callable[[str, object], None]) -> None:
    for vpc in around(stack):
        asked, tried = [*questions(vpc)], judged_rows(vpc)
        missed = [row.name for row in tried if next(wrong(without(vpc, row), asked), None) is None]
        record_property("judged", f"reach in the VPC, {stack}: {len(tried)} mutants, {len(tried) - len(missed)} noticed")
        assert tried
        assert missed == []
