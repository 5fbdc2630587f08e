"""A VPC for a GPU cluster: subnets planned by a pure function, egress by choice, private endpoints, flow logs."""

from typing import Literal

from components.aws.values import LogRetention, VpcCidr
from components.spec import Duration, Problem, Spec, rule


class NetworkArgs(Spec):
    """How the site's VPC is laid out."""

    cidr: VpcCidr
    """Address range of the VPC: private IPv4, /16 to /20. A change replaces the network."""
    egress: Literal["none", "nat", "nat-per-zone"]
    """How private nodes reach the internet: not at all, through one NAT gateway, or through one in each zone."""
    private_endpoints: bool = False
    """Whether the AWS services that the cluster calls get interface endpoints in the VPC. S3 always has a gateway endpoint."""
    flow_log_retention: LogRetention = Duration("365d")
    """How long VPC flow logs are kept."""

    @rule("egress", "private_endpoints")
    def _reachable(self) -> "list[Problem]":
        if self.egress == "none" and not self.private_endpoints:
            return [Problem(("private_endpoints",), "must be true when egress is none: nodes could reach no AWS service")]
        return []
