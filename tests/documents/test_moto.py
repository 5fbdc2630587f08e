"""AWS's own rules, as moto knows them, judge the documents and the network that the reference stacks registered."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from graph.model import Graph, Resource
from tests.evaluated import evaluate

pytestmark = pytest.mark.external

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "prod")
HOME = "us-west-2"
Inputs = Mapping[str, Any]
ROLE, INLINE, MANAGED = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"
BUCKET, BUCKET_POLICY, KEY = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "aws:kms/key:Key"
CLUSTER = "aws:eks/cluster:Cluster"
ENDPOINT, SUBNET, ROUTE = "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2/subnet:Subnet", "aws:ec2/route:Route"
ATTACHMENT = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
NETWORK = ("aws:ec2/", "aws:ec2transitgateway/", "aws:vpc/")
KEPT = "aws:ec2/subnetCidrReservation:SubnetCidrReservation"
TRUST_MISTAKES: dict[str, Callable[[str], str]] = {
    "not JSON": lambda text: text[:-1],
    "a resource": lambda text: _edited(text, lambda s: {**s, "Resource": "*"}),
    "not an sts action": lambda text: _edited(text, lambda s: {**s, "Action": "s3:GetObject"}),
}
POLICY_MISTAKES: dict[str, Callable[[str], str]] = {
    "not JSON": lambda text: text[:-1],
    "no effect": lambda text: _edited(text, lambda s: {k: v for k, v in s.items() if k != "Effect"}),
    "an action without a service": lambda text: _edited(text, lambda s: {**s, "Action": "GetObject"}),
    "a resource that is no ARN": lambda text: _edited(text, lambda s: {**s, "Resource": "my-bucket"}),
    "a region in a bucket's ARN": lambda text: _edited(text, lambda s: {**s, "Resource": "arn:aws:s3:us-west-2::b"}),
    "an unknown operator": lambda text: _edited(text, lambda s: {**s, "Condition": {"Resembles": {"aws:x": "y"}}}),
}


def _edited(text: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    document = json.loads(text)
    return json.dumps({**document, "Statement": [change(statement) for statement in document["Statement"]]})


@cache
def _graph(stack: str) -> Graph:
    return evaluate(ROOT / f"Pulumi.{stack}.yaml").graph


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        yield lambda service, region=HOME: boto3.client(service, region_name=region)


@pytest.fixture(params=STACKS)
def graph(request: pytest.FixtureRequest) -> Graph:
    return _graph(request.param)


def _refused(call: Callable[..., Any], *args: Any, **named: Any) -> bool:
    try:
        call(*args, **named)
    except ClientError:
        return True
    return False


def _without_principal(text: str) -> str:
    """A resource's policy as an identity's: the grammar is one, but for the principal, which must be there."""
    assert all("Principal" in statement for statement in json.loads(text)["Statement"])
    return _edited(text, lambda s: {k: v for k, v in s.items() if k != "Principal"})


def _judge(iam: Any, text: str, name: str = "judged") -> None:
    arn = iam.create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]
    iam.delete_policy(PolicyArn=arn)


def test_trusts_are_accepted_and_mistakes_are_not(aws: Callable[..., Any], graph: Graph) -> None:
    iam = aws("iam")
    roles = graph.of_type(ROLE)
    assert roles
    for role in roles:
        trust = role.inputs["assumeRolePolicy"]
        assert all("Principal" in statement for statement in json.loads(trust)["Statement"])
        name = {"RoleName": role.inputs["name"]}
        iam.create_role(**name, AssumeRolePolicyDocument=trust)
        iam.update_assume_role_policy(**name, PolicyDocument=trust)
        for mistake, spoil in TRUST_MISTAKES.items():
            assert _refused(iam.update_assume_role_policy, **name, PolicyDocument=spoil(trust)), mistake


def test_rights_are_accepted_on_the_roles_that_exist(aws: Callable[..., Any], graph: Graph) -> None:
    iam = aws("iam")
    for role in graph.of_type(ROLE):
        iam.create_role(RoleName=role.inputs["name"], AssumeRolePolicyDocument=role.inputs["assumeRolePolicy"])
    inline = graph.of_type(INLINE)
    assert inline
    for policy in inline:
        put = {"RoleName": policy.inputs["role"], "PolicyName": policy.inputs["name"], "PolicyDocument": policy.inputs["policy"]}
        iam.put_role_policy(**put)
        assert _refused(iam.put_role_policy, **put | {"RoleName": "nobody"})
    for managed in graph.of_type(MANAGED):
        _judge(iam, managed.inputs["policy"])


@mock_aws(config={"iam": {"load_aws_managed_policies": True}})
def test_managed_policies_exist() -> None:
    iam = boto3.client("iam", region_name="us-west-2")
    attachments = [r for stack in STACKS for r in _graph(stack).of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")]
    aws_owned = {arn for r in attachments if (arn := r.inputs["policyArn"]).startswith("arn:aws:iam::aws:")}
    assert aws_owned
    trust = _graph("dev").of_type(ROLE)[0].inputs["assumeRolePolicy"]
    iam.create_role(RoleName="any", AssumeRolePolicyDocument=trust)
    for arn in aws_owned:
        iam.attach_role_policy(RoleName="any", PolicyArn=arn)
    assert _refused(iam.attach_role_policy, RoleName="any", PolicyArn="arn:aws:iam::aws:policy/AmazonMadeUpPolicy")


def _documents(graph: Graph) -> Iterator[tuple[str, str]]:
    """Every rights document of the stack as an identity's policy."""
    for resource in graph.of_type(INLINE, MANAGED):
        yield resource.urn, resource.inputs["policy"]
    for resource in graph.of_type(BUCKET_POLICY, KEY, ENDPOINT):
        if resource.inputs.get("policy"):
            yield resource.urn, _without_principal(resource.inputs["policy"])


def test_every_statement_is_grammatical_and_mistakes_are_not(aws: Callable[..., Any], graph: Graph) -> None:
    iam = aws("iam")
    found = dict(_documents(graph))
    assert {urn.split("::")[2].rpartition("$")[2] for urn in found} >= {INLINE, BUCKET_POLICY, KEY, ENDPOINT}
    for urn, text in found.items():
        _judge(iam, text)
        for mistake, spoil in POLICY_MISTAKES.items():
            assert _refused(_judge, iam, spoil(text), "spoiled"), f"{mistake}: {urn}"


def test_bucket_policies_are_put_on_buckets_that_exist_and_name_them(aws: Callable[..., Any], graph: Graph) -> None:
    s3 = aws("s3")
    for bucket in graph.of_type(BUCKET):
        s3.create_bucket(Bucket=bucket.inputs["bucket"], CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    policies = graph.of_type(BUCKET_POLICY)
    assert len(policies) == len(graph.of_type(BUCKET))
    for policy in policies:
        name, text = policy.inputs["bucket"], policy.inputs["policy"]
        s3.put_bucket_policy(Bucket=name, Policy=text)
        assert _refused(s3.put_bucket_policy, Bucket="not-planned", Policy=text)
        named = {
            arn for s in json.loads(text)["Statement"] for arn in ([s["Resource"]] if isinstance(s["Resource"], str) else s["Resource"])
        }
        assert all(arn == f"arn:aws:s3:::{name}" or arn.startswith(f"arn:aws:s3:::{name}/") for arn in named)


def test_keys_can_be_used_under_their_policies_and_a_denial_is_felt(aws: Callable[..., Any], graph: Graph) -> None:
    kms = aws("kms")
    keys = graph.of_type(KEY)
    assert keys
    for key in keys:
        text = key.inputs["policy"]
        made = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]
        kms.describe_key(KeyId=made)
        denied = kms.create_key(Policy=_edited(text, lambda s: {**s, "Effect": "Deny", "Action": "kms:*"}))["KeyMetadata"]["KeyId"]
        assert _refused(kms.describe_key, KeyId=denied)


def _vpc(ec2: Any, i: Inputs) -> str:
    return str(ec2.create_vpc(CidrBlock=i["cidrBlock"])["Vpc"]["VpcId"])


def _subnet(ec2: Any, i: Inputs) -> str:
    made = ec2.create_subnet(VpcId=i["vpcId"], CidrBlock=i["cidrBlock"], AvailabilityZone=i["availabilityZone"])
    return str(made["Subnet"]["SubnetId"])


def _table(ec2: Any, i: Inputs) -> str:
    return str(ec2.create_route_table(VpcId=i["vpcId"])["RouteTable"]["RouteTableId"])


def _association(ec2: Any, i: Inputs) -> str:
    return str(ec2.associate_route_table(RouteTableId=i["routeTableId"], SubnetId=i["subnetId"])["AssociationId"])


def _gateway(ec2: Any, i: Inputs) -> str:
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=i["vpcId"])
    return str(made)


def _address(ec2: Any, i: Inputs) -> str:
    return str(ec2.allocate_address(Domain=i["domain"])["AllocationId"])


def _nat(ec2: Any, i: Inputs) -> str:
    return str(ec2.create_nat_gateway(SubnetId=i["subnetId"], AllocationId=i["allocationId"])["NatGateway"]["NatGatewayId"])


def _route(ec2: Any, i: Inputs) -> str:
    names = {"gatewayId": "GatewayId", "natGatewayId": "NatGatewayId", "transitGatewayId": "TransitGatewayId"}
    target = next({names[key]: i[key]} for key in names if key in i)
    if "TransitGatewayId" in target:
        _must_be_attached(ec2, i)
    ec2.create_route(RouteTableId=i["routeTableId"], DestinationCidrBlock=i["destinationCidrBlock"], **target)
    return ""


def _must_be_attached(ec2: Any, i: Inputs) -> None:
    """AWS refuses a route to a transit gateway that the VPC of the table is not attached to; moto does not."""
    [table] = ec2.describe_route_tables(RouteTableIds=[i["routeTableId"]])["RouteTables"]
    attached = ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
    assert (i["transitGatewayId"], table["VpcId"]) in {(a["TransitGatewayId"], a["VpcId"]) for a in attached}


def _transit_gateway(ec2: Any) -> str:
    return str(ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"])


def _attachment(ec2: Any, i: Inputs) -> str:
    made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=i["transitGatewayId"], VpcId=i["vpcId"], SubnetIds=i["subnetIds"])
    return str(made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"])


def _endpoint(ec2: Any, i: Inputs) -> str:
    names = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}
    more = {names[key]: value for key, value in i.items() if key in names}
    made = ec2.create_vpc_endpoint(VpcId=i["vpcId"], ServiceName=i["serviceName"], VpcEndpointType=i["vpcEndpointType"], **more)
    return str(made["VpcEndpoint"]["VpcEndpointId"])


def _group(ec2: Any, i: Inputs) -> str:
    return str(ec2.create_security_group(GroupName=i["name"], Description=i["description"], VpcId=i["vpcId"])["GroupId"])


def _rule(direction: str) -> Callable[[Any, Inputs], str]:
    def authorize(ec2: Any, i: Inputs) -> str:
        permission: dict[str, Any] = {"IpProtocol": i["ipProtocol"]}
        permission |= {"FromPort": i["fromPort"], "ToPort": i["toPort"]} if "fromPort" in i else {}
        permission |= {"IpRanges": [{"CidrIp": i["cidrIpv4"]}]} if "cidrIpv4" in i else {}
        permission |= {"UserIdGroupPairs": [{"GroupId": i["referencedSecurityGroupId"]}]} if "referencedSecurityGroupId" in i else {}
        getattr(ec2, f"authorize_security_group_{direction}")(GroupId=i["securityGroupId"], IpPermissions=[permission])
        return ""

    return authorize


def _kept(ec2: Any, i: Inputs) -> str:
    kept = ec2.create_subnet_cidr_reservation(SubnetId=i["subnetId"], Cidr=i["cidrBlock"], ReservationType=i["reservationType"])
    return str(kept["SubnetCidrReservation"]["SubnetCidrReservationId"])


REPLAYED: dict[str, Callable[[Any, Inputs], str]] = {
    "aws:ec2/vpc:Vpc": _vpc,
    SUBNET: _subnet,
    KEPT: _kept,
    "aws:ec2/routeTable:RouteTable": _table,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _association,
    "aws:ec2/internetGateway:InternetGateway": _gateway,
    "aws:ec2/eip:Eip": _address,
    "aws:ec2/natGateway:NatGateway": _nat,
    ROUTE: _route,
    ATTACHMENT: _attachment,
    ENDPOINT: _endpoint,
    "aws:ec2/securityGroup:SecurityGroup": _group,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("ingress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("egress"),
}
NOT_REPLAYED = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/placementGroup:PlacementGroup",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/launchTemplate:LaunchTemplate",
}


def _region(graph: Graph, resource: Resource) -> str:
    return str(graph.by_urn[resource.provider].inputs["region"]) if resource.provider and resource.type.startswith("aws:") else ""


def _replay(ec2: Any, graph: Graph, region: str = HOME) -> dict[str, str]:
    """Make one region's network of the graph through boto3; what the graph calls a thing is translated to what moto called it."""
    others = {r.inputs["transitGatewayId"] for r in graph.of_type(ATTACHMENT) if _region(graph, r) == region}
    ids = {gateway: _transit_gateway(ec2) for gateway in others}  # given to the stack, so there before it
    for resource in graph:
        if _region(graph, resource) != region:
            continue
        if resource.type == CLUSTER:
            ids[resource.outputs["vpcConfig"]["clusterSecurityGroupId"]] = _cluster_group(
                ec2, _translated(resource.inputs["vpcConfig"], ids)
            )
        if resource.type in REPLAYED:
            ids[resource.id] = REPLAYED[resource.type](ec2, {k: _translated(v, ids) for k, v in resource.inputs.items()})
    return ids


def _cluster_group(ec2: Any, i: Inputs) -> str:
    """EKS makes a security group for each cluster."""
    [subnet] = ec2.describe_subnets(SubnetIds=i["subnetIds"][:1])["Subnets"]
    return _group(ec2, {"name": "eks-cluster-sg", "description": "made by EKS", "vpcId": subnet["VpcId"]})


def _translated(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, list | tuple):
        return [_translated(item, ids) for item in value]
    if isinstance(value, Mapping):
        return {key: _translated(item, ids) for key, item in value.items()}
    return ids.get(value, value) if isinstance(value, str) else value


def test_the_network_can_be_made(aws: Callable[..., Any], graph: Graph) -> None:
    networks = {r.type for r in graph if r.type.startswith(NETWORK)}
    assert networks <= REPLAYED.keys() | NOT_REPLAYED
    for provider in graph.of_type("pulumi:providers:aws"):
        region = provider.inputs["region"]
        ec2 = aws("ec2", region)
        _replay(ec2, graph, region)
        subnets = [s for s in ec2.describe_subnets()["Subnets"] if not s["DefaultForAz"]]
        assert len(subnets) == len([subnet for subnet in graph.of_type(SUBNET) if _region(graph, subnet) == region]) > 0


def test_no_zone_leaves_through_another_where_each_has_its_own_gateway(aws: Callable[..., Any]) -> None:
    ec2 = aws("ec2")
    _replay(ec2, _graph("prod"))
    zone_of = {s["SubnetId"]: s["AvailabilityZone"] for s in ec2.describe_subnets()["Subnets"]}
    gateways = {n["NatGatewayId"]: zone_of[n["SubnetId"]] for n in ec2.describe_nat_gateways()["NatGateways"]}
    ways = [
        (zone_of[association["SubnetId"]], gateways[route["NatGatewayId"]])
        for table in ec2.describe_route_tables()["RouteTables"]
        for association in table["Associations"]
        for route in table["Routes"]
        if "NatGatewayId" in route and "SubnetId" in association
    ]
    assert len({zone for zone, _ in ways}) == 3
    assert [pair for pair in ways if pair[0] != pair[1]] == []


def _spoiled(graph: Graph, token: str, change: Callable[[Resource, Resource], dict[str, Any]]) -> Graph:
    first, second = graph.of_type(token)[:2]
    spoiled = replace(second, inputs={**second.inputs, **change(first, second)})
    return replace(graph, resources=tuple(spoiled if r.urn == second.urn else r for r in graph))


@pytest.mark.parametrize(
    ("token", "change"),
    [
        pytest.param(SUBNET, lambda a, b: {"cidrBlock": a.inputs["cidrBlock"]}, id="subnets overlap"),
        pytest.param(SUBNET, lambda a, b: {"cidrBlock": "192.0.2.0/24"}, id="subnet outside the VPC"),
        pytest.param(SUBNET, lambda a, b: {"vpcId": "vpc-0123456789abcdef0"}, id="subnet of no VPC"),
        pytest.param(SUBNET, lambda a, b: {"availabilityZone": "us-west-2z"}, id="subnet in no zone"),
        pytest.param(KEPT, lambda a, b: {"cidrBlock": a.inputs["cidrBlock"]}, id="prefixes overlap"),
        pytest.param(KEPT, lambda a, b: {"cidrBlock": "192.0.2.0/24"}, id="prefixes outside the subnet"),
        pytest.param(ROUTE, lambda a, b: {"routeTableId": "rtb-0123456789abcdef0"}, id="route in no table"),
        pytest.param(ROUTE, lambda a, b: {"gatewayId": "igw-0123456789abcdef0"}, id="route to no gateway"),
    ],
)
def test_a_network_that_cannot_be_is_refused(aws: Callable[..., Any], token: str, change: Any) -> None:
    ec2, bad = aws("ec2"), _spoiled(_graph("prod"), token, change)
    assert _refused(_replay, ec2, bad)
