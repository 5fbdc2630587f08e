"""What others own is referred to and never changed: no resource of a stack is made for a given thing but those that may name one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from components.given import Given, GivenThing, given
from components.spec import Many, Spec
from graph.model import Graph
from infra.config import load_file
from tests.assertions.graphs import STACKS, graph

KEY_OF_BUCKET = "rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId"
REFERRED = {
    ("aws:cloudwatch/eventTarget:EventTarget", "arn"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "alarmActions[]"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "okActions[]"),
    ("aws:ec2/securityGroup:SecurityGroup", "vpcId"),
    ("aws:ec2/launchTemplate:LaunchTemplate", "placement.groupName"),
    ("aws:eks/cluster:Cluster", "vpcConfig.subnetIds[]"),
    ("aws:eks/nodeGroup:NodeGroup", "subnetIds[]"),
    ("aws:eks/podIdentityAssociation:PodIdentityAssociation", "clusterName"),
    ("aws:iam/role:Role", "assumeRolePolicy"),
    ("aws:iam/rolePolicy:RolePolicy", "policy"),
    ("aws:rds/subnetGroup:SubnetGroup", "subnetIds[]"),
    ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", KEY_OF_BUCKET),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "referencedSecurityGroupId"),
    ("pulumi:providers:kubernetes", "clusterIdentifier"),
    ("pulumi:providers:kubernetes", "kubeconfig"),
}
"""Where the id of something given may stand: what is made stands in it, and it stays as it was."""
CONNECTED = {
    "aws:ec2/vpc:Vpc": {("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "peerVpcId")},
    "aws:ec2/routeTable:RouteTable": {("aws:ec2/route:Route", "routeTableId")},
    "aws:ec2transitgateway/transitGateway:TransitGateway": {
        ("aws:ec2/route:Route", "transitGatewayId"),
        ("aws:ec2transitgateway/vpcAttachment:VpcAttachment", "transitGatewayId"),
    },
}
"""Where the id of something in another network stands, by its type: there, and nowhere else."""


def holders(found: Graph, value: str) -> Iterator[tuple[str, str]]:
    """(type, property) of every place in the inputs of the stack's resources at which a value stands."""

    def walk(part: Any, place: str) -> Iterator[str]:
        if isinstance(part, dict):
            for key, item in part.items():
                yield from walk(item, f"{place}.{key}" if place else key)
        elif isinstance(part, list | tuple):
            for item in part:
                yield from walk(item, f"{place}[]")
        elif isinstance(part, str) and value in part:
            yield place

    for resource in found.custom:
        yield from ((resource.type, place) for place in walk(resource.inputs, ""))


def named(stack: str) -> list[GivenThing]:
    return [thing for thing in given(load_file(STACKS[stack])[0]) if thing.token]


def connected(thing: GivenThing) -> bool:
    """Whether a connection of the network names the thing."""
    return "connections" in thing.place


WITH_GIVEN = [stack for stack in STACKS if named(stack)]


@pytest.mark.parametrize("stack", WITH_GIVEN)
def test_nothing_given_is_changed(stack: str) -> None:
    for thing in named(stack):
        places = set(holders(graph(stack), thing.value))
        assert places, f"{thing.value} is named and not used"
        assert places == CONNECTED[thing.token] if connected(thing) else places <= REFERRED, thing
        assert thing.value not in {row.id for row in graph(stack)}, f"{thing.value} is adopted"


def test_a_connection_of_each_kind_is_judged() -> None:
    tokens = {thing.token for stack in WITH_GIVEN for thing in named(stack) if connected(thing)}
    assert tokens >= {"aws:ec2/vpc:Vpc", "aws:ec2transitgateway/transitGateway:TransitGateway"}


def test_a_stack_in_a_given_network_makes_none() -> None:
    assert "existing-vpc" in WITH_GIVEN
    network = {row.type for row in graph("existing-vpc") if row.type.startswith(("aws:ec2/", "aws:vpc/"))}
    assert network <= {
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }


def test_a_stack_on_a_given_cluster_makes_neither_cluster_nor_nodes() -> None:
    found = graph("existing-cluster")
    assert {row.type for row in found if row.type.startswith("aws:eks/")} == {"aws:eks/podIdentityAssociation:PodIdentityAssociation"}
    assert not found.of_type("aws:ec2/launchTemplate:LaunchTemplate", "aws:kms/grant:Grant")
    (pods,) = (row for row in found.of_type("kubernetes:apps/v1:Deployment") if row.name == "chat-pods")
    assert pods.inputs["spec"]["template"]["spec"]["nodeSelector"] == {"example.com/pool": "l4"}


def test_everything_given_is_found_wherever_it_stands() -> None:
    bucket = Annotated[str, Given("aws:s3/bucket:Bucket", "bucket")]

    class Inner(Spec):
        one: bucket | None = None
        """."""
        many: Many[bucket] = ()
        """."""

    class Outer(Spec):
        by_name: dict[str, bucket]
        """."""
        inner: Inner
        """."""
        plain: str = "a"
        """."""

    found = list(given(Outer.model_validate({"by_name": {"x": "b1"}, "inner": {"one": "b2", "many": ["b3", "b4"]}})))
    assert [(thing.place, thing.value) for thing in found] == [
        (("by_name", "x"), "b1"),
        (("inner", "one"), "b2"),
        (("inner", "many", 0), "b3"),
        (("inner", "many", 1), "b4"),
    ]
    assert {(thing.token, thing.what) for thing in found} == {("aws:s3/bucket:Bucket", "bucket")}


def test_a_review_says_what_is_given(tmp_path: Path) -> None:
    platform, _ = load_file(STACKS["existing-vpc"])
    told = {note.subject: note.text for note in platform.notes() if "given" in note.text}
    assert "VPC vpc-0123456789abcdef0" in told["network"]
    assert "guard rail trail, guard rail threats" in told["account"]
    assert not [note for note in load_file(STACKS["dev"])[0].notes() if "given" in note.text]
