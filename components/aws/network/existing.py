"""A VPC that others own: what a stack file says of it, and the facts the site takes from it. Nothing in it is made or changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi
from pydantic import Field, StringConstraints

from components.aws.values import GivenVpcCidr, Zone
from components.given import Given
from components.spec import Problem, Spec, rule

VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"), Given("aws:ec2/vpc:Vpc", "VPC")]
"""A VPC that exists."""
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$"), Given("aws:ec2/subnet:Subnet", "subnet")]
"""A subnet that exists."""
Subnets = Annotated[dict[Zone, SubnetId], Field(min_length=2)]


class SurroundingVpcArgs(Spec):
    """The VPC that a cluster of others is in, and subnets of it for what this stack makes, in at least two zones of the site."""

    vpc: VpcId
    """Id of the VPC."""
    cidr: GivenVpcCidr
    """Its primary address range; Services of a cluster made here keep out of it, and databases are reached in it."""
    isolated: Subnets
    """Subnets of databases, and of the control plane's interfaces, by zone, in two zones or more."""
    closed: bool = False
    """Whether nothing in the VPC reaches the internet; images and charts must then come from the account's own registry."""

    @rule("isolated")
    def _isolated_once(self) -> Iterator[Problem]:
        yield from twice({"isolated": self.isolated}, {})


class ExistingVpcArgs(SurroundingVpcArgs):
    """A VPC and two kinds of its subnets, each in at least two zones of the site.

    Its owners see to DNS names and DNS support, a gateway endpoint of S3, a way from the private subnets to the AWS services that nodes
    call (NAT or interface endpoints), flow logs, and the tag kubernetes.io/role/internal-elb on the private subnets.
    """

    private: Subnets
    """Subnets of nodes and pods by zone, one for each zone of the site."""

    @rule("private", "isolated")
    def _each_for_one_purpose(self) -> Iterator[Problem]:
        yield from twice({"private": self.private}, self.isolated)


def twice(tiers: Mapping[str, Mapping[str, str]], taken: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for each subnet of a tier that stands twice, or that `taken`, the isolated ones, hold already."""
    seen = {subnet: f"isolated.{zone}" for zone, subnet in taken.items()}
    for tier, subnets in tiers.items():
        for zone, subnet in subnets.items():
            earlier = seen.setdefault(subnet, f"{tier}.{zone}")
            if earlier != f"{tier}.{zone}":
                yield Problem((tier, zone), f"stands at {earlier} too: a subnet is in one zone and serves one purpose; name another")


class SurroundingNetworkArgs(Spec):
    """The network around a cluster that others own."""

    existing: SurroundingVpcArgs
    """The VPC and its subnets."""

    @property
    def cidr(self) -> str:
        """Address range of the VPC."""
        return self.existing.cidr

    @property
    def closed(self) -> bool:
        """Whether nothing in the VPC reaches the internet."""
        return self.existing.closed


class ExistingNetworkArgs(SurroundingNetworkArgs):
    """A network that others own, in place of one that is made."""

    existing: ExistingVpcArgs
    """The VPC and its subnets."""


@dataclass(frozen=True, slots=True)
class Id:
    """Something that exists, by its id."""

    id: pulumi.Output[str]


class ExistingNetwork:
    """The given VPC; satisfies components.aws.network.facts.NetworkFacts. It makes nothing."""

    def __init__(self, args: SurroundingVpcArgs, *, zones: Sequence[str]) -> None:
        nodes = args if isinstance(args, ExistingVpcArgs) else None
        self.cidr = args.cidr
        self.zones = tuple(zones)
        self.closed = args.closed
        self.vpc = Id(pulumi.Output.from_input(args.vpc))
        self.private = _by_zone(nodes.private if nodes else {})
        self.isolated = _by_zone(args.isolated)
        self.reachable: Sequence[pulumi.Resource] = ()
        self.ways_in: Sequence[pulumi.Resource] = ()


def _by_zone(subnets: Mapping[str, str]) -> Mapping[str, Id]:
    return {zone: Id(pulumi.Output.from_input(subnet)) for zone, subnet in subnets.items()}
