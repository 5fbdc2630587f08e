"""Who may use a cluster: access entries of IAM roles, and the policies that say how far they reach."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.lazy import lazy
from components.naming import short_hash

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def administrators(owner: AwsComponent, cluster: "aws.eks.Cluster", roles: Sequence[str]) -> list[pulumi.Resource]:
    """Let the roles administer the cluster; what stands in the cluster waits for what is returned, and goes before it."""
    return [_administrator(owner, cluster, arn) for arn in roles]


def _administrator(owner: AwsComponent, cluster: "aws.eks.Cluster", arn: str) -> "aws.eks.AccessPolicyAssociation":
    role = f"{owner.prefix}-administrator-{short_hash(arn)}"
    entry = aws.eks.AccessEntry(role, cluster_name=cluster.name, principal_arn=arn, tags=owner.tags(), opts=owner.child())
    return aws.eks.AccessPolicyAssociation(
        f"{role}-policy",
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn=ADMIN_POLICY,
        access_scope={"type": "cluster"},
        opts=owner.child(),
    )
