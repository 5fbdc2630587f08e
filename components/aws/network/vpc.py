"""A VPC for a GPU cluster: subnets planned by a pure function, egress by choice, private endpoints, flow logs."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Literal

import pulumi
from pydantic import Field, StringConstraints

from components.aws.base import AwsComponent
from components.aws.documents.keys import key_for_logs
from components.aws.documents.statements import allow, document
from components.aws.documents.trust import trust_service
from components.aws.network.connections import Connection, Connections, overlaps
from components.aws.network.endpoints import NODE_SERVICES, Endpoints
from components.aws.network.subnets import plan_subnets, service_range
from components.aws.values import BucketName, LogRetention, OutsideCidr, VpcCidr
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Many, Name, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

ANYWHERE = "0.0.0.0/0"
EndpointService = Annotated[str, StringConstraints(max_length=60, pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
"""An AWS service by the last part of the name of its endpoint: com.amazonaws.<region>.<service>."""
MOST_RANGES = 40
"""Ranges that may be allowed: a route each, of the 50 that a route table holds before its quota is raised.

Source: Amazon VPC user guide, "Amazon VPC quotas", routes per route table.
"""
FLOW_LOG_ACTIONS = ("logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents")


class AllowedEgress(Spec):
    """A way out through NAT to named address ranges and nowhere else."""

    allow: Annotated[Many[OutsideCidr], Field(min_length=1, max_length=MOST_RANGES)]
    """Address ranges that private nodes may reach, 1 to 40; names cannot be allowed, only addresses."""
    gateways: Literal["one", "per-zone"] = "one"
    """NAT gateways: one for all zones, or one in each."""


class NetworkArgs(Spec):
    """How the site's VPC is laid out."""

    cidr: VpcCidr
    """Address range of the VPC: private IPv4, /16 to /20. A change replaces the network."""
    egress: Literal["none", "nat", "nat-per-zone"] | AllowedEgress
    """How private nodes reach the internet: not at all (images must then come from ECR), through one NAT gateway, one per zone, or only
    to address ranges that are allowed."""
    private_endpoints: bool = False
    """Whether the AWS services that the platform calls get interface endpoints in the VPC. S3 always has a gateway endpoint."""
    endpoints: Annotated[Many[EndpointService], Field(max_length=40)] = ()
    """Further AWS services that get an interface endpoint, by the last part of its name, such as ssm or bedrock-runtime; up to 40.
    What the platform itself calls has one where private_endpoints is true."""
    download_buckets: Annotated[Many[BucketName], Field(max_length=50)] = ()
    """Further S3 buckets of the region from which nodes and pods may read without credentials of this account, such as those a package
    host redirects to; up to 50. The buckets behind well-known image and package hosts are allowed already."""
    connections: dict[Name, Connection] = {}
    """Ways into the VPC from other networks, such as the one that the stack is deployed from, by name."""
    flow_log_retention: LogRetention = Duration("365d")
    """How long VPC flow logs are kept."""
    protect: bool = True
    """Whether the key of the flow logs is protected against deletion: without it the logs cannot be read."""

    @property
    def closed(self) -> bool:
        """Whether nothing in the VPC reaches the internet."""
        return self.egress == "none"

    @property
    def destinations(self) -> tuple[str, ...]:
        """Address ranges that private nodes reach outside the VPC."""
        if isinstance(self.egress, AllowedEgress):
            return self.egress.allow
        return () if self.closed else (ANYWHERE,)

    @property
    def nat_per_zone(self) -> bool:
        """Whether each zone has a NAT gateway of its own."""
        return self.egress == "nat-per-zone" or (isinstance(self.egress, AllowedEgress) and self.egress.gateways == "per-zone")

    @rule("egress", "private_endpoints")
    def _reachable(self) -> Iterator[Problem]:
        if not self.private_endpoints and self.destinations != (ANYWHERE,):
            way = "is none" if self.closed else "allows named ranges only"
            yield Problem(("private_endpoints",), f"must be true when egress {way}: nodes could reach no AWS service")

    @rule("cidr", "egress")
    def _outside(self) -> Iterator[Problem]:
        if isinstance(self.egress, AllowedEgress):
            earlier = {"the VPC": self.cidr}
            for index, text in enumerate(self.egress.allow):
                for owner, other in earlier.items():
                    if IPv4Network(text).overlaps(IPv4Network(other)):
                        yield Problem(("egress", "allow", index), f"overlaps {other} of {owner}: remove it, or narrow it")
                        break
                earlier[f"egress.allow.{index}"] = text

    @rule("endpoints")
    def _interfaces_once(self) -> Iterator[Problem]:
        for index, service in enumerate(self.endpoints):
            if service == "s3":
                yield Problem(("endpoints", index), "has a gateway endpoint in every VPC that is made: remove it")
            elif service in self.endpoints[:index]:
                yield Problem(("endpoints", index), f"names {service} again: remove it")

    @rule("cidr", "egress", "connections")
    def _apart(self) -> Iterator[Problem]:
        allowed = self.egress.allow if isinstance(self.egress, AllowedEgress) else ()
        taken = {"the VPC": self.cidr, "Services of the cluster": service_range(self.cidr)}
        taken |= {f"egress.allow.{index}": text for index, text in enumerate(allowed)}
        yield from (Problem(("connections", *path), text) for path, text in overlaps(self.connections, taken))


def _named(cidr: str) -> str:
    """A range in the name of its route."""
    return "default" if cidr == ANYWHERE else cidr.replace(".", "-").replace("/", "-")


class Network(AwsComponent):
    """A VPC with private, public and isolated subnets in each zone, and the ways out that its arguments choose.

    `services` are the AWS services that get an interface endpoint where private endpoints are asked for.
    """

    def __init__(
        self,
        name: str,
        args: NetworkArgs,
        *,
        zones: Sequence[str],
        context: Context,
        services: Sequence[str] = NODE_SERVICES,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Network", name, context, opts)
        self.args = args
        self.cidr = args.cidr
        self.zones = tuple(zones)
        self.closed = args.closed
        self.plan = plan_subnets(args.cidr, zones)
        self.vpc = self._vpc()
        self.private = {z.zone: self._subnet("private", z.zone, z.private, "internal-elb") for z in self.plan}
        self.isolated = {z.zone: self._subnet("isolated", z.zone, z.isolated) for z in self.plan}
        self.attached: list[pulumi.Resource] = []
        self.routes = {zone: self._routed(f"private-{zone}", {zone: subnet}) for zone, subnet in self.private.items()}
        self.isolated_routes = self._routed("isolated", self.isolated)
        ways_out = [] if args.closed else self._internet()
        self.ways_in: Sequence[pulumi.Resource] = self._connected()
        self.reachable: Sequence[pulumi.Resource] = (*self.attached, *ways_out, *self._endpoints(services), *self._kept_for_pods())
        self._flow_logs()
        self.register_outputs({"vpc_id": self.vpc.id})

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

    def _kept_for_pods(self) -> list[pulumi.Resource]:
        """Most of each private subnet, in which EC2 hands out whole prefixes only; nodes that came before would leave holes there."""
        return [
            aws.ec2.SubnetCidrReservation(
                f"{self.prefix}-private-{zone.zone}-prefixes-{block.prefixlen - zone.private.prefixlen}",
                subnet_id=self.private[zone.zone].id,
                cidr_block=str(block),
                reservation_type="prefix",
                description="Prefixes of pods",
                opts=self.child(),
            )
            for zone in self.plan
            for block in zone.prefixes
        ]

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
        outward = self._route("public-default", table, ANYWHERE, gateway_id=gateway.id)
        first = min(self.zones)
        nats = {zone: self._nat(zone, outward) for zone in (self.zones if self.args.nat_per_zone else (first,))}
        return [
            self._route(f"private-{zone}-{_named(cidr)}", private, cidr, nat_gateway_id=nats.get(zone, nats[first]).id)
            for zone, private in self.routes.items()
            for cidr in self.args.destinations
        ]

    def _connected(self) -> list[pulumi.Resource]:
        """Connections, with a way back from nodes and from the interfaces of the control plane."""
        tables = {**{f"private-{zone}": table.id for zone, table in self.routes.items()}, "isolated": self.isolated_routes.id}
        connections = Connections(self, vpc=self.vpc.id, cidr=self.cidr, tables=tables)
        return connections.make(self.args.connections, [subnet.id for subnet in self.isolated.values()])

    def _route(self, role: str, table: "aws.ec2.RouteTable", cidr: str, **target: pulumi.Input[str]) -> "aws.ec2.Route":
        return aws.ec2.Route(f"{self.prefix}-{role}", route_table_id=table.id, destination_cidr_block=cidr, opts=self.child(), **target)

    def _nat(self, zone: str, outward: pulumi.Resource) -> "aws.ec2.NatGateway":
        address = aws.ec2.Eip(f"{self.prefix}-nat-{zone}-address", domain="vpc", tags=self.tags(f"nat-{zone}"), opts=self.child())
        return aws.ec2.NatGateway(
            f"{self.prefix}-nat-{zone}",
            allocation_id=address.id,
            subnet_id=self.public[zone].id,
            tags=self.tags(f"nat-{zone}"),
            opts=self.child(outward),
        )

    def _endpoints(self, services: Sequence[str]) -> list["aws.ec2.VpcEndpoint"]:
        endpoints = Endpoints(self, vpc=self.vpc.id, cidr=self.cidr)
        tables = [self.isolated_routes.id, *(table.id for table in self.routes.values())]
        gateway = endpoints.s3(tables, self.args.download_buckets)
        subnets = [subnet.id for subnet in self.isolated.values()]
        wanted = dict.fromkeys((*(services if self.args.private_endpoints else ()), *self.args.endpoints))
        return [gateway, *(endpoints.interfaces([*wanted], subnets) if wanted else ())]

    def _flow_logs(self) -> None:
        log_name = f"/groundwork/{self.context.naming.name('flow-logs')}"
        key = self.key("network", key_for_logs(self.account, self.region, log_name), protect=self.args.protect)
        group = self.log_group("flow-log-group", log_name, key, self.args.flow_log_retention)
        writer = self.role(
            "flow-logs",
            document(trust_service("vpc-flow-logs.amazonaws.com", self.account)),
            inline=document(allow(FLOW_LOG_ACTIONS, [pulumi.Output.concat(group.arn, ":*")])),
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
