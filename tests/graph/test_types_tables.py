"""Replacement, references and latency as the sourced tables have them."""

from typing import Any

import pytest

from graph.model import UNKNOWN, SecretValue
from graph.types import latency, references, schema
from graph.types.replacement import UnknownReplacement, diff
from graph.types.tables import rows

NODES = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.mark.parametrize(
    ("token", "old", "new", "changed", "replaces"),
    [
        (NODES, {"scalingConfig": {"maxSize": 1}}, {"scalingConfig": {"maxSize": 2}}, ("scalingConfig.maxSize",), ()),
        (NODES, {"instanceTypes": ["a"]}, {"instanceTypes": ["b"]}, ("instanceTypes[0]",), ("instanceTypes[0]",)),
        (NODES, {"instanceTypes": ["a"]}, {"instanceTypes": ["a", "b"]}, ("instanceTypes[1]",), ("instanceTypes[1]",)),
        (NODES, {"launchTemplate": {"version": "1"}}, {"launchTemplate": {"version": "2"}}, ("launchTemplate.version",), ()),
        (NODES, {"launchTemplate": {"id": "1"}}, {"launchTemplate": {"id": "2"}}, ("launchTemplate.id",), ("launchTemplate.id",)),
        (NODES, {}, {"launchTemplate": {"id": "2"}}, ("launchTemplate",), ("launchTemplate",)),
        (NODES, {"tags": {"a/b": "1"}}, {"tags": {"a/b": "2"}}, ('tags["a/b"]',), ()),
        (NODES, {"amiType": "a"}, {"amiType": UNKNOWN}, ("amiType",), ("amiType",)),
        (NODES, {"amiType": UNKNOWN}, {"amiType": UNKNOWN}, (), ()),
        (NODES, {"amiType": SecretValue("a")}, {"amiType": "a"}, (), ()),
        ("aws:s3/bucket:Bucket", {"bucket": "a"}, {"bucket": "b"}, ("bucket",), ("bucket",)),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "a"}, {"cidrBlock": "b"}, ("cidrBlock",), ("cidrBlock",)),
        (CLUSTER, {"encryptionConfig": {"a": 1}}, {}, ("encryptionConfig",), ("encryptionConfig",)),
        (CLUSTER, {}, {"encryptionConfig": {"a": 1}}, ("encryptionConfig",), ()),
        (CLUSTER, {"version": "1.33"}, {"version": "1.34"}, ("version",), ()),
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"cidrIpv4": "10.0.0.0/9"}, ("cidrIpv4",), ()),
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"prefixListId": "pl-1"}, ("cidrIpv4", "prefixListId"), ("cidrIpv4", "prefixListId")),
        ("aws:s3/bucketVersioning:BucketVersioning", {}, {"expectedBucketOwner": "1"}, ("expectedBucketOwner",), ()),
        (
            "aws:fsx/lustreFileSystem:LustreFileSystem",
            {"fileSystemTypeVersion": "2.15"},
            {"fileSystemTypeVersion": "2.12"},
            *[("fileSystemTypeVersion",)] * 2,
        ),
    ],
)
def test_changes_and_what_of_them_replaces(token: str, old: Any, new: Any, changed: Any, replaces: Any) -> None:
    found = diff(token, old, new)
    assert (found.changed, found.replaces) == (changed, replaces)


def test_attachments_always_go_first() -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    assert diff(attachment, {"role": "a"}, {"role": "b"}).delete_before_replace
    assert not diff("aws:s3/bucket:Bucket", {"bucket": "a"}, {"bucket": "b"}).delete_before_replace


@pytest.mark.parametrize(
    ("token", "change", "told"),
    [
        ("aws:nowhere/thing:Thing", {"name": "a"}, "not in the table"),
        (CLUSTER, {"kubeSchedulerConfig": {}}, "newer than"),
        ("aws:ec2/instance:Instance", {"instanceType": "a"}, "only the provider can judge"),
    ],
)
def test_what_the_table_cannot_say_is_not_guessed(token: str, change: dict[str, Any], told: str) -> None:
    with pytest.raises(UnknownReplacement, match=told):
        diff(token, {}, change)
    assert diff(token, change, change).changed == ()


def test_no_nested_path_is_lost_when_a_whole_block_moves() -> None:
    database = "aws:rds/instance:Instance"
    restore = {"restoreToPointInTime": {"restoreTime": "a"}}
    assert diff(database, restore, {"restoreToPointInTime": {"restoreTime": "b"}}).replaces == ()
    assert diff(database, restore, {}).replaces == ("restoreToPointInTime",)


@pytest.mark.parametrize("table", ["replacement", "references", "identities"])
def test_every_row_names_a_type_and_properties_of_the_sdk(table: str) -> None:
    for token, row in rows(table).items():
        paths = {"replacement": row.get("replaces"), "references": list(row), "identities": []}[table]
        assert {path.partition(".")[0] for path in paths} <= schema.properties(token).keys(), token


def test_references_name_types_with_an_identity() -> None:
    assert references.of("aws:ec2/subnet:Subnet") == {"vpcId": ("aws:ec2/vpc:Vpc",)}
    assert references.of("aws:nowhere/thing:Thing") == {}
    assert "routes.natGatewayId" in references.of("aws:ec2/routeTable:RouteTable")
    named = {token for row in rows("references").values() for tokens in row.values() for token in tokens}
    assert named <= rows("identities").keys()


def test_latencies_are_measured_or_say_that_they_are_not() -> None:
    nat = latency.of("aws:ec2/natGateway:NatGateway")
    assert nat.measured
    assert nat.least <= nat.median <= nat.most
    assert latency.of("aws:eks/cluster:Cluster").median > 300
    assert not latency.of("aws:sqs/queue:Queue").measured
    assert latency.of("aws:ec2/natGateway:NatGateway", "delete").median > 10
    with pytest.raises(KeyError):
        latency.of("aws:kms/key:Key", "paint")
