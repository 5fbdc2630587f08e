"""Access entries of a cluster: IAM roles, and the policies that say what they may and how far they reach.

Source: AWS EKS user guide, "Review access policy permissions" and "Associate access policies with access entries", read 2026-11-26.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.cluster.access_args import TeamAccessArgs
from components.lazy import lazy
from components.naming import short_hash

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

POLICIES = {
    "cluster-admin": "AmazonEKSClusterAdminPolicy",
    "admin": "AmazonEKSAdminPolicy",
    "edit": "AmazonEKSEditPolicy",
    "view": "AmazonEKSViewPolicy",
}
"""Access policy by what it lets a role do. AmazonEKSAdminViewPolicy is left out: it reads every secret."""
EVERYWHERE: Any = {"type": "cluster"}


class Access:
    """Gives IAM roles access to one cluster; children belong to `owner`, the cluster's component."""

    def __init__(self, owner: AwsComponent, cluster: "aws.eks.Cluster") -> None:
        self.owner = owner
        self.cluster = cluster

    def administrators(self, roles: Sequence[str]) -> list[pulumi.Resource]:
        """Let the roles administer the cluster; what stands in the cluster waits for what is returned, and goes before it."""
        return [self._entry("administrator", arn, "cluster-admin", EVERYWHERE) for arn in roles]

    def viewers(self, roles: Sequence[str]) -> None:
        """Let the roles see everything but secrets."""
        for arn in roles:
            self._entry("viewer", arn, "view", EVERYWHERE)

    def teams(self, teams: Mapping[str, TeamAccessArgs]) -> None:
        """Let the roles of each team work in its namespaces."""
        for name, args in teams.items():
            for arn in args.roles:
                self._entry(f"team-{name}", arn, args.rights, {"type": "namespace", "namespaces": list(args.namespaces)})

    def _entry(self, kind: str, arn: str, rights: str, scope: Any) -> "aws.eks.AccessPolicyAssociation":
        owner, role = self.owner, f"{self.owner.prefix}-{kind}-{short_hash(arn)}"
        entry = aws.eks.AccessEntry(role, cluster_name=self.cluster.name, principal_arn=arn, tags=owner.tags(), opts=owner.child())
        return aws.eks.AccessPolicyAssociation(
            f"{role}-policy",
            cluster_name=self.cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{POLICIES[rights]}",
            access_scope=scope,
            opts=owner.child(),
        )


def member(owner: AwsComponent, name: str, cluster: pulumi.Input[str], arn: str, group: str, parent: pulumi.Resource) -> pulumi.Resource:
    """Let a role act as a member of a Kubernetes group, whose rights are given inside the cluster.

    An entry of type STANDARD may name groups. Source: EKS user guide, "Create an access entry using Kubernetes groups".
    """
    opts = pulumi.ResourceOptions(parent=parent, provider=owner.get_provider("aws:eks/accessEntry:AccessEntry"))
    named = f"{name}-member-{short_hash(arn)}"
    return aws.eks.AccessEntry(named, cluster_name=cluster, principal_arn=arn, kubernetes_groups=[group], tags=owner.tags(), opts=opts)
