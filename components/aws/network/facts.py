"""Facts of the network that the rest of the AWS site may know, whether this stack made it or others own it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import pulumi


class Identified(Protocol):
    """Something in EC2 that goes by an id."""

    @property
    def id(self) -> pulumi.Output[str]:
        """Its id."""


class Whereabouts(Protocol):
    """Where a VPC is."""

    @property
    def cidr(self) -> str:
        """Address range of the VPC."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones of the site."""


class NetworkFacts(Whereabouts, Protocol):
    """A VPC with private and isolated subnets by zone."""

    @property
    def closed(self) -> bool:
        """Whether nothing in the VPC reaches the internet."""

    @property
    def vpc(self) -> Identified:
        """The VPC."""

    @property
    def private(self) -> Mapping[str, Identified]:
        """Subnets of nodes and pods by zone; they reach AWS services."""

    @property
    def isolated(self) -> Mapping[str, Identified]:
        """Subnets of databases and of the control plane's interfaces by zone; they need no way out."""

    @property
    def reachable(self) -> Sequence[pulumi.Resource]:
        """What must exist before a node in a private subnet reaches AWS services."""

    @property
    def ways_in(self) -> Sequence[pulumi.Resource]:
        """What must exist before other networks reach the VPC through its connections."""
