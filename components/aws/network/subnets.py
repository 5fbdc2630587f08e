"""Subnet plan of a VPC: a pure function of its range and its zones."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

LETTERS = "abcdef"
SERVICE_RANGES = ("172.20.0.0/16", "10.100.0.0/16")
"""The two ranges EKS itself would choose from for Services."""


def service_range(vpc: str) -> str:
    """The range of Kubernetes Services: the first that does not overlap the VPC."""
    return next(r for r in SERVICE_RANGES if not IPv4Network(r).overlaps(IPv4Network(vpc)))


@dataclass(frozen=True, slots=True)
class ZoneSubnets:
    """The three subnets of one zone."""

    zone: str
    private: IPv4Network
    """Nodes and pods: an eighth of the VPC."""
    public: IPv4Network
    """NAT gateways and load balancers."""
    isolated: IPv4Network
    """Databases, interface endpoints and the control plane's interfaces; no way out."""

    @property
    def prefixes(self) -> tuple[IPv4Network, IPv4Network]:
        """Three quarters of the private subnet, kept for prefixes of pods: single addresses, of nodes and balancers, would leave holes."""
        quarters = tuple(self.private.subnets(prefixlen_diff=2))
        return quarters[1], quarters[2].supernet()


def plan_subnets(cidr: str, zones: Sequence[str]) -> tuple[ZoneSubnets, ...]:
    """Subnets of each zone, which depend on the VPC and the zone's own letter alone: adding or removing a zone moves no other.

    Six eighths of the range are private subnets of zones a to f; the last two hold the public and the isolated ones.
    Raises ValueError for a zone whose last letter is not a to f, and for a range smaller than /22.
    """
    eighths = tuple(IPv4Network(cidr).subnets(prefixlen_diff=3))
    public, isolated = (tuple(eighth.subnets(prefixlen_diff=3)) for eighth in eighths[6:])
    slots = [(zone, LETTERS.index(zone[-1])) for zone in zones]
    return tuple(ZoneSubnets(zone, eighths[slot], public[slot], isolated[slot]) for zone, slot in slots)
