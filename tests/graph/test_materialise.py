"""What clouds make up is deterministic, unique, of the right form, and fits the SDK's own output types."""

import base64
import ipaddress
import re
from typing import Any

import pytest
from pulumi._types import resource_types

from graph.model import UNKNOWN, SecretValue
from graph.types import schema
from graph.types.materialise import Scope, has_identity, materialise, planned
from graph.types.tables import rows
from graph.types.tokens import draw

AWS = Scope("aws", "111122223333", "us-west-2")
SOUND: dict[str, dict[str, Any]] = {"aws:eks/cluster:Cluster": {"vpcConfig": {"subnetIds": ["subnet-1"]}}}


def made(token: str, inputs: dict[str, Any], scope: Scope = AWS, urn: str = "urn:pulumi:dev::g::t::thing", ordinal: int = 0) -> Any:
    return materialise(token, urn, inputs, scope, ordinal)


@pytest.mark.parametrize(
    ("token", "inputs", "form"),
    [
        ("aws:ec2/vpc:Vpc", {}, r"vpc-[0-9a-f]{17}"),
        ("aws:ec2/subnet:Subnet", {"vpcId": "v"}, r"subnet-[0-9a-f]{17}"),
        ("aws:ec2/launchTemplate:LaunchTemplate", {}, r"lt-[0-9a-f]{17}"),
        ("aws:iam/role:Role", {"name": "r"}, "r"),
        ("aws:iam/policy:Policy", {"name": "p", "path": "/a/"}, "arn:aws:iam::111122223333:policy/a/p"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "r", "policyArn": "arn:p"}, "r/arn:p"),
        ("aws:kms/key:Key", {}, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("aws:kms/key:Key", {"multiRegion": True}, r"mrk-[0-9a-f]{32}"),
        ("aws:s3/bucket:Bucket", {"bucket": "b"}, "b"),
        ("aws:s3/bucketVersioning:BucketVersioning", {"bucket": "b"}, "b"),
        ("aws:eks/nodeGroup:NodeGroup", {"clusterName": "c", "nodeGroupName": "n"}, "c:n"),
        ("aws:eks/podIdentityAssociation:PodIdentityAssociation", {"clusterName": "c"}, r"a-[a-z0-9]{17}"),
        ("aws:rds/instance:Instance", {"identifier": "i"}, r"db-[A-Z0-9]{26}"),
        ("aws:secretsmanager/secret:Secret", {"name": "s"}, r"arn:aws:secretsmanager:us-west-2:111122223333:secret:s-[a-z0-9]{6}"),
        ("aws:sqs/queue:Queue", {"name": "q"}, "https://sqs.us-west-2.amazonaws.com/111122223333/q"),
        ("aws:s3/bucket:Bucket", {}, r"thing-[0-9a-f]{7}"),
    ],
)
def test_ids_have_the_form_of_their_type(token: str, inputs: dict[str, Any], form: str) -> None:
    assert re.fullmatch(form, made(token, inputs).id)


def test_values_follow_from_urn_and_ordinal_alone() -> None:
    first = made("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"})
    assert first == made("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"})
    others = [made("aws:ec2/vpc:Vpc", {}, urn="urn:pulumi:dev::g::t::other"), made("aws:ec2/vpc:Vpc", {}, ordinal=1)]
    assert len({first.id, *(other.id for other in others)}) == 3


def test_every_property_has_a_token_of_its_own() -> None:
    outputs = made("aws:ec2/vpc:Vpc", {}).added()
    texts = [value for value in outputs.values() if isinstance(value, str) and re.search(r"[0-9a-f]{8}", value)]
    assert len(texts) > 4
    assert len({text for text in texts if not text.startswith("rtb-")}) == len([text for text in texts if not text.startswith("rtb-")])


def test_a_cluster_has_what_its_users_read() -> None:
    inputs = {"name": "c", "vpcConfig": {"subnetIds": ["s"], "securityGroupIds": SecretValue(["g"])}, "roleArn": "r"}
    cluster = made("aws:eks/cluster:Cluster", inputs)
    assert re.fullmatch(r"https://[0-9A-F]{32}\.gr7\.us-west-2\.eks\.amazonaws\.com", cluster.outputs["endpoint"])
    assert b"BEGIN CERTIFICATE" in base64.b64decode(cluster.outputs["certificateAuthority"]["data"], validate=True)
    assert cluster.outputs["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.us-west-2.amazonaws.com/id/")
    assert cluster.outputs["vpcConfig"]["subnetIds"] == ["s"]
    assert cluster.outputs["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert "vpcConfig.clusterSecurityGroupId" in cluster.computed
    assert "vpcConfig" not in cluster.computed


def test_a_managed_master_password_has_a_secret_and_an_unmanaged_one_has_none() -> None:
    managed = made("aws:rds/instance:Instance", {"identifier": "i", "manageMasterUserPassword": True})
    assert re.fullmatch(
        r"arn:aws:secretsmanager:us-west-2:111122223333:secret:rds!db-.+", managed.outputs["masterUserSecrets"][0]["secretArn"]
    )
    assert managed.outputs["endpoint"] == f"{managed.outputs['address']}:5432"
    assert made("aws:rds/instance:Instance", {"identifier": "i", "port": 6000}).outputs["endpoint"].endswith(":6000")
    assert made("aws:rds/instance:Instance", {"identifier": "i"}).outputs["masterUserSecrets"] == []


def test_the_default_security_group_is_the_one_its_vpc_names() -> None:
    vpc = made("aws:ec2/vpc:Vpc", {})
    adopted = made("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": vpc.id}, urn="urn:pulumi:dev::g::t::closed")
    assert adopted.id == vpc.outputs["defaultSecurityGroupId"]


def test_partition_and_region_follow_the_scope_and_a_resource_may_say_otherwise() -> None:
    china = Scope("aws", "1", "cn-north-1")
    assert made("aws:iam/role:Role", {"name": "r"}, china).outputs["arn"] == "arn:aws-cn:iam::1:role/r"
    assert made("aws:s3/bucket:Bucket", {"bucket": "b"}, china).outputs["bucketDomainName"] == "b.s3.amazonaws.com.cn"
    assert made("aws:ec2/vpc:Vpc", {"region": "us-east-2"}).outputs["arn"].startswith("arn:aws:ec2:us-east-2:")


@pytest.mark.parametrize("token", sorted(rows("identities")))
def test_every_row_fits_the_types_of_the_sdk(token: str) -> None:
    cls = schema.resource_class(token)
    assert cls is not None
    shapes = resource_types(cls)
    for name, value in made(token, SOUND.get(token, {})).added().items():
        assert name in shapes
        assert list(schema._violations(schema.node_of(shapes[name]), value, name)) == []


def test_a_type_without_a_row_still_gets_unique_values_of_the_right_types() -> None:
    token = "aws:amp/workspace:Workspace"
    assert not has_identity(token)
    one, other = made(token, {}), made(token, {}, urn="urn:pulumi:dev::g::t::other")
    assert one.id != other.id
    assert one.outputs["prometheusEndpoint"] != other.outputs["prometheusEndpoint"]
    assert isinstance(one.outputs["prometheusEndpoint"], str)


def test_a_plan_hides_exactly_what_the_cloud_adds() -> None:
    inputs = {"name": "c", "vpcConfig": {"subnetIds": ["s"]}, "roleArn": "r"}
    plan = planned("aws:eks/cluster:Cluster", inputs, AWS)
    assert plan.id == ""
    assert plan.outputs["vpcConfig"] == {"subnetIds": ["s"], "clusterSecurityGroupId": UNKNOWN}
    assert plan.outputs["endpoint"] is UNKNOWN
    assert {name: plan.outputs[name] for name in inputs if name != "vpcConfig"} == {"name": "c", "roleArn": "r"}


@pytest.mark.parametrize(
    ("token", "metadata", "identity"),
    [
        ("kubernetes:apps/v1:Deployment", {"name": "a", "namespace": "n"}, "n/a"),
        ("kubernetes:apps/v1:Deployment", {"name": "a"}, "default/a"),
        ("kubernetes:core/v1:Namespace", {"name": "a"}, "a"),
        ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", {"name": "a"}, "a"),
        ("kubernetes:keda.sh/v1alpha1:ScaledObject", {"name": "a", "namespace": "n"}, "n/a"),
        ("kubernetes:karpenter.sh/v1:NodePool", {"name": "a"}, "a"),
    ],
)
def test_kubernetes_ids(token: str, metadata: dict[str, str], identity: str) -> None:
    thing = made(token, {"metadata": metadata}, Scope("kubernetes", cluster="c"))
    assert thing.id == identity
    assert thing.outputs["metadata"]["uid"]
    assert "metadata.uid" in thing.computed


def test_a_helm_release_has_a_status_and_no_metadata() -> None:
    release = made("kubernetes:helm.sh/v3:Release", {"name": "keda", "namespace": "n", "chart": "keda"}, Scope("kubernetes", cluster="c"))
    assert release.id == "n/keda"
    assert release.added() == {"status": {"name": "keda", "namespace": "n", "revision": 1, "status": "deployed"}}


def test_scope_is_read_from_a_provider_as_the_sdk_sends_it() -> None:
    assert Scope.of("aws", {"region": "r", "allowedAccountIds": '["1", "2"]'}) == Scope("aws", "1", "r")
    assert Scope.of("aws", {"region": SecretValue("r")}) == Scope("aws", "000000000000", "r")
    assert Scope.of("kubernetes", {"clusterIdentifier": "c", "kubeconfig": UNKNOWN}).cluster == "c"


def test_addresses_are_addresses_and_alphabets_are_named() -> None:
    address = made("aws:ec2/eip:Eip", {}).outputs["publicIp"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network("198.18.0.0/15")
    with pytest.raises(KeyError):
        draw("runes", 3, "seed")
