"""Connections of a VPC to other networks: peering and transit gateways."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, Literal

import pulumi
from pydantic import Field, StringConstraints

from components.aws.base import AwsComponent
from components.aws.network.existing import VpcId
from components.aws.regions import Region
from components.aws.values import AccountId, ConnectedCidr
from components.given import Given
from components.lazy import lazy
from components.spec import Many, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

TransitGatewayId = Annotated[
    str,
    StringConstraints(pattern=r"^tgw-[0-9a-f]{17}$"),
    Given("aws:ec2transitgateway/transitGateway:TransitGateway", "transit gateway"),
]
"""A transit gateway that exists."""
RouteTableId = Annotated[
    str,
    StringConstraints(pattern=r"^rtb-([0-9a-f]{8}|[0-9a-f]{17})$"),
    Given("aws:ec2/routeTable:RouteTable", "route table"),
]
"""A route table that exists."""
Ranges = Annotated[Many[ConnectedCidr], Field(min_length=1, max_length=10)]


class PeeringArgs(Spec):
    """A peering connection with another VPC. Only what is in that VPC itself comes in: not what is behind a VPN of it."""

    kind: Literal["peering"]
    """How the networks are connected."""
    vpc: VpcId
    """The other VPC."""
    ranges: Ranges
    """Address ranges of the other VPC that this one answers, 1 to 10."""
    account: AccountId | None = None
    """Account of the other VPC; absent is the site's. Its owners accept the connection, and route back, where it is another."""
    region: Region | None = None
    """Region of the other VPC; absent is that of this VPC. A connection to another region is accepted by hand."""
    route_tables: Annotated[Many[RouteTableId], Field(max_length=20)] = ()
    """Route tables of the other VPC, in the same account and region, that get the way back to this one, up to 20."""

    @property
    def accepted_here(self) -> bool:
        """Whether this stack may accept the connection itself."""
        return self.account is None and self.region is None

    @rule("account", "region", "route_tables")
    def _routes_of_the_same_account(self) -> Iterator[Problem]:
        if self.route_tables and not self.accepted_here:
            text = "are in another account or region, and this stack changes nothing there: remove them, and ask the owners of"
            yield Problem(("route_tables",), f"{text} {self.vpc} for a route to this VPC")


class TransitGatewayArgs(Spec):
    """An attachment to a transit gateway, and with it to networks behind it, such as offices behind a VPN."""

    kind: Literal["transit-gateway"]
    """How the networks are connected."""
    gateway: TransitGatewayId
    """The gateway; one of another account must be shared with this one, and accept attachments by itself or be told to."""
    ranges: Ranges
    """Address ranges behind the gateway that this VPC answers, 1 to 10."""


Connection = Annotated[PeeringArgs | TransitGatewayArgs, Field(discriminator="kind")]
"""A way into a VPC from another network."""


def overlaps(connections: Mapping[str, Connection], taken: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for each range of a connection that overlaps one of `taken`, ranges by their owner, or one of another connection."""
    seen = dict(taken)
    for name, connection in connections.items():
        for index, text in enumerate(connection.ranges):
            for owner, other in seen.items():
                if IPv4Network(text).overlaps(IPv4Network(other)):
                    yield Problem((name, "ranges", index), f"overlaps {other} of {owner}: name ranges that are apart")
                    break
            seen[f"connection {name}, ranges.{index}"] = text


class Connections:
    """Makes the connections of one VPC; children belong to `owner`, the network's component."""

    def __init__(self, owner: AwsComponent, *, vpc: pulumi.Input[str], cidr: str, tables: Mapping[str, pulumi.Input[str]]) -> None:
        """`tables` are the route tables that get the way out, by the name of their tier."""
        self.owner = owner
        self.vpc = vpc
        self.cidr = cidr
        self.tables = tables

    def make(self, connections: Mapping[str, Connection], subnets: Sequence[pulumi.Input[str]]) -> list[pulumi.Resource]:
        """Every connection; returns the routes that must be there before an answer finds its way. `subnets` are one of each zone."""
        routes: list[pulumi.Resource] = []
        for name, args in connections.items():
            if isinstance(args, PeeringArgs):
                routes += self._peering(name, args)
            else:
                routes += self._transit(name, args, subnets)
        return routes

    def _peering(self, name: str, args: PeeringArgs) -> list[pulumi.Resource]:
        owner = self.owner
        peering = aws.ec2.VpcPeeringConnection(
            f"{owner.prefix}-{name}-peering",
            vpc_id=self.vpc,
            peer_vpc_id=args.vpc,
            peer_owner_id=args.account,
            peer_region=args.region,
            auto_accept=True if args.accepted_here else None,
            tags=owner.tags(name),
            opts=owner.child(),
        )
        back = [
            aws.ec2.Route(
                f"{owner.prefix}-{name}-back-{table.removeprefix('rtb-')}",
                route_table_id=table,
                destination_cidr_block=self.cidr,
                vpc_peering_connection_id=peering.id,
                opts=owner.child(),
            )
            for table in args.route_tables
        ]
        return [*self._routes(name, args.ranges, vpc_peering_connection_id=peering.id), *back]

    def _transit(self, name: str, args: TransitGatewayArgs, subnets: Sequence[pulumi.Input[str]]) -> list[pulumi.Resource]:
        owner = self.owner
        attachment = aws.ec2transitgateway.VpcAttachment(
            f"{owner.prefix}-{name}-attachment",
            transit_gateway_id=args.gateway,
            vpc_id=self.vpc,
            subnet_ids=list(subnets),
            tags=owner.tags(name),
            opts=owner.child(),
        )
        return self._routes(name, args.ranges, attachment, transit_gateway_id=args.gateway)

    def _routes(self, name: str, ranges: Sequence[str], *after: pulumi.Resource, **target: pulumi.Input[str]) -> list[pulumi.Resource]:
        owner = self.owner
        return [
            aws.ec2.Route(
                f"{owner.prefix}-{tier}-{name}-{cidr.replace('.', '-').replace('/', '-')}",
                route_table_id=table,
                destination_cidr_block=cidr,
                opts=owner.child(*after),
                **target,
            )
            for tier, table in self.tables.items()
            for cidr in ranges
        ]
