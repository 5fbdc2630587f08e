"""Facts of a cluster that NodePools and node classes need to ask for nodes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi

from components.aws.base import AwsComponent
from components.spec import Duration

ENDING = 1800
"""Seconds that an instance may take to end after its node is drained, and its finalizers with it."""


@dataclass(frozen=True, slots=True)
class Launching:
    """Who starts nodes from node pools in a cluster, and what such nodes have in common."""

    by: Literal["karpenter", "auto-mode"]
    owner: AwsComponent
    """The cluster's component: parent of the objects, and their tags."""
    kubernetes: pulumi.ProviderResource
    version: str
    """Kubernetes version of the nodes, such as 1.35."""
    node_role: pulumi.Input[str]
    """Name of the nodes' IAM role."""
    instance_profile: pulumi.Input[str]
    """Name of the profile with that role, for `karpenter`; Auto Mode makes its own."""
    security_group: pulumi.Input[str]
    """Id of the security group of all nodes and pods."""
    subnets: Mapping[str, pulumi.Input[str]]
    """Ids of the private subnets by zone."""
    key: pulumi.Input[str]
    """ARN of the key that disks are encrypted with."""
    after: tuple[pulumi.Resource, ...]
    """What an object that asks for nodes must come after, and be gone before."""

    def options(self, *after: pulumi.Resource, grace: Duration) -> pulumi.ResourceOptions:
        """Options of an object that asks for nodes, which is gone when its nodes are.

        Its finalizer waits until every node is drained, `grace` at the most, and its instance has
        ended; the provider alone would wait ten minutes.
        """
        gone = pulumi.CustomTimeouts(delete=f"{grace.seconds + ENDING}s")
        return pulumi.ResourceOptions(
            parent=self.owner,
            provider=self.kubernetes,
            depends_on=[*self.after, *after],
            custom_timeouts=gone,
        )
