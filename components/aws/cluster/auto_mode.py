"""EKS Auto Mode: EKS itself starts, patches and ends nodes, and runs networking, DNS, block storage and identity on them.

Source: AWS EKS user guide, "Learn about identity and access in EKS Auto Mode", "Use Network Policies with EKS Auto Mode", read 2026-11-26.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.cluster.control_plane import ControlPlane
from components.aws.documents.statements import document
from components.aws.documents.trust import trust_service_unconditionally
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
    import pulumi_kubernetes as k8s
else:
    aws = lazy("pulumi_aws")
    k8s = lazy("pulumi_kubernetes")

NODE_POLICIES = (
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy",
    "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
)
NODE_ACCESS = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAutoNodePolicy"


class AutoMode:
    """Makes what nodes of Auto Mode need: a role, and access to the cluster; children belong to `owner`, the cluster's component."""

    policies: pulumi.Resource

    def __init__(self, owner: AwsComponent, plane: ControlPlane, after: Sequence[pulumi.Resource]) -> None:
        """The nodes' access comes `after` that of people, so that theirs has taken effect when the cluster is first asked."""
        self.owner = owner
        self.plane = plane
        self.role = owner.role("auto-node", document(trust_service_unconditionally("ec2.amazonaws.com")), managed=NODE_POLICIES)
        self.access = self._access(after)

    @property
    def ready(self) -> tuple[pulumi.Resource, ...]:
        """What must be there while there are nodes."""
        return (*self.role.ready, *self.access, self.policies)

    def _access(self, after: Sequence[pulumi.Resource]) -> tuple[pulumi.Resource, pulumi.Resource]:
        """Node classes of one's own need an entry of one's own: EKS makes one only for those that it brings."""
        owner, cluster = self.owner, self.plane.cluster
        entry = aws.eks.AccessEntry(
            f"{owner.prefix}-auto-node-access",
            cluster_name=cluster.name,
            principal_arn=self.role.role.arn,
            type="EC2",
            tags=owner.tags(),
            opts=owner.child(*after),
        )
        policy = aws.eks.AccessPolicyAssociation(
            f"{owner.prefix}-auto-node-access-policy",
            cluster_name=cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=NODE_ACCESS,
            access_scope={"type": "cluster"},
            opts=owner.child(),
        )
        return entry, policy

    def enforce_network_policies(self, kubernetes: pulumi.ProviderResource) -> None:
        """Have the nodes enforce network policies."""
        owner = self.owner
        metadata: Any = {
            "name": "amazon-vpc-cni",
            "namespace": "kube-system",
            "labels": owner.context.labels.kubernetes(owner.prefix, "network-policies"),
        }
        self.policies = k8s.core.v1.ConfigMap(
            f"{owner.prefix}-network-policies",
            metadata=metadata,
            data={"enable-network-policy-controller": "true"},
            opts=pulumi.ResourceOptions(parent=owner, provider=kubernetes),
        )
