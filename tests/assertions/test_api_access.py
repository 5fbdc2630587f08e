"""The API server of every cluster that is made here can be reached from where it is deployed, when its first object is put there."""

from collections.abc import Iterator

import pytest

from graph.model import Graph, Resource
from tests.assertions.graphs import graph, on_aws, with_own_cluster

CLUSTER, RULE = "aws:eks/cluster:Cluster", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ROUTE, TABLE = "aws:ec2/route:Route", "aws:ec2/routeTable:RouteTable"
ENTRY, PROVIDER = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "pulumi:providers:kubernetes"
NODES = "aws:eks/nodeGroup:NodeGroup"


def clusters(drawn: Graph) -> Iterator[Resource]:
    yield from drawn.of_type(CLUSTER)


MADE = with_own_cluster()


def after(drawn: Graph, resource: Resource) -> set[str]:
    """All that a resource waits for, near and far."""
    found: set[str] = set()
    todo = list(resource.dependencies)
    while todo:
        urn = todo.pop()
        if urn not in found and urn in drawn.by_urn:
            found.add(urn)
            todo += drawn.by_urn[urn].dependencies
    return found


def test_stacks_with_a_cluster_are_all_judged() -> None:
    assert {name for name in on_aws() if any(True for _ in clusters(graph(name)))} == {*MADE}


@pytest.mark.parametrize("stack", MADE)
def test_somebody_is_let_in_from_outside(stack: str) -> None:
    drawn = graph(stack)
    for cluster in clusters(drawn):
        settings = cluster.inputs["vpcConfig"]
        groups = set(settings.get("securityGroupIds", ()))
        rules = [rule for rule in drawn.of_type(RULE) if rule.inputs["securityGroupId"] in groups]
        private = [rule for rule in rules if rule.inputs["fromPort"] <= 443 <= rule.inputs["toPort"]]
        assert settings["endpointPublicAccess"] or private, cluster.urn


@pytest.mark.parametrize("stack", MADE)
def test_whoever_comes_in_by_a_connection_is_answered_from_nodes_and_from_the_control_plane(stack: str) -> None:
    drawn = graph(stack)
    for cluster in clusters(drawn):
        groups = set(cluster.inputs["vpcConfig"].get("securityGroupIds", ()))
        for rule in drawn.of_type(RULE):
            came_from = rule.inputs.get("cidrIpv4")
            if rule.inputs["securityGroupId"] not in groups or came_from is None:
                continue
            back = [r for r in drawn.of_type(ROUTE) if r.inputs["destinationCidrBlock"] == came_from]
            tables = {drawn.by_urn[urn].name for route in back for urn in route.dependencies if drawn.by_urn[urn].type == TABLE}
            assert any("isolated" in name for name in tables), stack
            assert any("private" in name for name in tables), stack


@pytest.mark.parametrize("stack", MADE)
def test_the_cluster_is_first_asked_when_access_and_ways_in_are_there(stack: str) -> None:
    """An access entry takes effect late; nodes take minutes. A cluster in Auto Mode has no nodes before it is asked."""
    drawn = graph(stack)
    providers = [p for p in drawn.of_type(PROVIDER) if any(drawn.by_urn[urn].type == ENTRY for urn in after(drawn, p))]
    assert providers
    for provider in providers:
        waited = {drawn.by_urn[urn].type for urn in after(drawn, provider)}
        assert ENTRY in waited
        assert NODES in waited or not drawn.of_type(NODES)
        assert ROUTE in waited or not any(r.inputs.get("transitGatewayId") for r in drawn.of_type(ROUTE))
