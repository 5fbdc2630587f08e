"""A VPC for a GPU cluster: subnets planned by a pure function, egress by choice, private endpoints, flow logs."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Literal

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.endpoints import endpoint_for_account, image_layers
from components.aws.documents.keys import key_for_logs
from components.aws.documents.statements import allow, document
from components.aws.documents.trust import trust_service
from components.aws.network.subnets import plan_subnets
from components.aws.values import LogRetention, VpcCidr
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

FLOW_LOG_ACTIONS = ("logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents")


class NetworkArgs(Spec):
    """How the site's VPC is laid out."""

    cidr: VpcCidr
    """Address range of the VPC: private IPv4, /16 to /20. A change replaces the network."""
    egress: Literal["none", "nat", "nat-per-zone"]
    """How private nodes reach the internet: not at all (images must then come from ECR), through one NAT gateway, or one per zone."""
    private_endpoints: bool = False
    """Whether the AWS services that the cluster calls get interface endpoints in the VPC. S3 always has a gateway endpoint."""
    flow_log_retention: LogRetention = Duration("365d")
    """How long VPC flow logs are kept."""
    protect: bool = True
    """Whether the key of the flow logs is protected against deletion: without it the logs cannot be read."""

    @rule("egress", "private_endpoints")
    def _reachable(self) -> Iterator[Problem]:
        if self.egress == "none" and not self.private_endpoints:
            yield Problem(("private_endpoints",), "must be true when egress is none: nodes could reach no AWS service")


PRIVATE_SERVICES = (
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "secretsmanager",
    "sts",
)
"""Services that nodes, add-ons and operators of a private cluster call.

Source: EKS user guide, "Deploy private clusters with limited internet access"; secretsmanager is for External Secrets.
"""
WITHOUT_POLICY = frozenset({"eks-auth"})
"""Unverified that it takes an endpoint policy: `aws ec2 describe-vpc-endpoint-services --service-names com.amazonaws.<region>.eks-auth`."""


class Network(AwsComponent):
    """A VPC with private, public and isolated subnets in each zone, and the ways out that its arguments choose."""

    def __init__(
        self, name: str, args: NetworkArgs, *, zones: Sequence[str], context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("Network", name, context, opts)
        self.args = args
        self.cidr = args.cidr
        self.zones = tuple(zones)
        self.plan = plan_subnets(args.cidr, zones)
        self.vpc = self._vpc()
        self.private = {z.zone: self._subnet("private", z.zone, z.private, "internal-elb") for z in self.plan}
        self.isolated = {z.zone: self._subnet("isolated", z.zone, z.isolated) for z in self.plan}
        self.attached: list[pulumi.Resource] = []
        self.routes = {zone: self._routed(f"private-{zone}", {zone: subnet}) for zone, subnet in self.private.items()}
        self.isolated_routes = self._routed("isolated", self.isolated)
        ways_out = self._internet() if args.egress != "none" else []
        self.reachable: Sequence[pulumi.Resource] = (*self.attached, *ways_out, self._s3(), *self._private_services())
        self._flow_logs()
        self.register_outputs({"vpc_id": self.vpc.id})

    @property
    def closed(self) -> bool:
        """Whether nothing in the VPC reaches the internet."""
        return self.args.egress == "none"

    def _vpc(self) -> "aws.ec2.Vpc":
        vpc = aws.ec2.Vpc(
            f"{self.prefix}-vpc",
            cidr_block=self.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags=self.tags("vpc"),
            opts=self.child(),
        )
        aws.ec2.DefaultSecurityGroup(
            f"{self.prefix}-default-security-group", vpc_id=vpc.id, ingress=[], egress=[], tags=self.tags("closed"), opts=self.child()
        )
        return vpc

    def _subnet(self, tier: str, zone: str, block: IPv4Network, balancers: str = "") -> "aws.ec2.Subnet":
        marked = {f"kubernetes.io/role/{balancers}": "1"} if balancers else {}
        return aws.ec2.Subnet(
            f"{self.prefix}-{tier}-{zone}",
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=str(block),
            map_public_ip_on_launch=False,
            tags=self.tags(f"{tier}-{zone}", **marked),
            opts=self.child(),
        )

    def _routed(self, role: str, subnets: Mapping[str, "aws.ec2.Subnet"]) -> "aws.ec2.RouteTable":
        """A route table for the subnets, which reaches the VPC and no further."""
        table = aws.ec2.RouteTable(f"{self.prefix}-{role}-routes", vpc_id=self.vpc.id, tags=self.tags(role), opts=self.child())
        for zone, subnet in subnets.items():
            suffix = "" if role.endswith(zone) else f"-{zone}"
            routed = aws.ec2.RouteTableAssociation(
                f"{self.prefix}-{role}{suffix}-routed", subnet_id=subnet.id, route_table_id=table.id, opts=self.child()
            )
            self.attached.append(routed)
        return table

    def _internet(self) -> list[pulumi.Resource]:
        """Public subnets, gateways and default routes; returns the routes that private nodes need."""
        gateway = aws.ec2.InternetGateway(f"{self.prefix}-gateway", vpc_id=self.vpc.id, tags=self.tags("gateway"), opts=self.child())
        self.public = {z.zone: self._subnet("public", z.zone, z.public, "elb") for z in self.plan}
        table = self._routed("public", self.public)
        outward = self._default_route("public", table, gateway_id=gateway.id)
        first = min(self.zones)
        nats = {zone: self._nat(zone, outward) for zone in (self.zones if self.args.egress == "nat-per-zone" else (first,))}
        return [
            self._default_route(f"private-{zone}", private, nat_gateway_id=nats.get(zone, nats[first]).id)
            for zone, private in self.routes.items()
        ]

    def _default_route(self, role: str, table: "aws.ec2.RouteTable", **target: pulumi.Input[str]) -> "aws.ec2.Route":
        return aws.ec2.Route(
            f"{self.prefix}-{role}-default", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", opts=self.child(), **target
        )

    def _nat(self, zone: str, outward: pulumi.Resource) -> "aws.ec2.NatGateway":
        address = aws.ec2.Eip(f"{self.prefix}-nat-{zone}-address", domain="vpc", tags=self.tags(f"nat-{zone}"), opts=self.child())
        return aws.ec2.NatGateway(
            f"{self.prefix}-nat-{zone}",
            allocation_id=address.id,
            subnet_id=self.public[zone].id,
            tags=self.tags(f"nat-{zone}"),
            opts=self.child(outward),
        )

    def _s3(self) -> "aws.ec2.VpcEndpoint":
        return aws.ec2.VpcEndpoint(
            f"{self.prefix}-s3",
            vpc_id=self.vpc.id,
            service_name=f"com.amazonaws.{self.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[self.isolated_routes.id, *(table.id for table in self.routes.values())],
            policy=document(endpoint_for_account(self.account), image_layers(self.region)),
            tags=self.tags("s3"),
            opts=self.child(),
        )

    def _private_services(self) -> list["aws.ec2.VpcEndpoint"]:
        if not self.args.private_endpoints:
            return []
        group = self._endpoint_group()
        return [self._interface(service, group) for service in PRIVATE_SERVICES]

    def _endpoint_group(self) -> "aws.ec2.SecurityGroup":
        group = aws.ec2.SecurityGroup(
            f"{self.prefix}-endpoints",
            name=self.context.naming.name("endpoints"),
            description="Interface endpoints of AWS services",
            vpc_id=self.vpc.id,
            tags=self.tags("endpoints"),
            opts=self.child(),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self.prefix}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=self.cidr,
            tags=self.tags(),
            opts=self.child(),
        )
        return group

    def _interface(self, service: str, group: "aws.ec2.SecurityGroup") -> "aws.ec2.VpcEndpoint":
        return aws.ec2.VpcEndpoint(
            f"{self.prefix}-{service.replace('.', '-')}",
            vpc_id=self.vpc.id,
            service_name=f"com.amazonaws.{self.region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[subnet.id for subnet in self.isolated.values()],
            security_group_ids=[group.id],
            policy=None if service in WITHOUT_POLICY else document(endpoint_for_account(self.account)),
            tags=self.tags(service),
            opts=self.child(),
        )

    def _flow_logs(self) -> None:
        log_name = f"/groundwork/{self.context.naming.name('flow-logs')}"
        key = self.key("network", key_for_logs(self.account, self.region, log_name), protect=self.args.protect)
        group = self.log_group("flow-log-group", log_name, key, self.args.flow_log_retention)
        writer = self.role(
            "flow-logs",
            document(trust_service("vpc-flow-logs.amazonaws.com", self.account)),
            inline=document(allow(FLOW_LOG_ACTIONS, [group.arn, pulumi.Output.concat(group.arn, ":*")])),
        )
        aws.ec2.FlowLog(
            f"{self.prefix}-flow-log",
            vpc_id=self.vpc.id,
            traffic_type="ALL",
            max_aggregation_interval=60,
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=writer.role.arn,
            tags=self.tags("flow-log"),
            opts=self.child(*writer.ready),
        )
