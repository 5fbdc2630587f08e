"""What adds and removes nodes: the cluster autoscaler, which prefers the capacities of a pool in the order the stack file names them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.capacity.pools import POOL_LABEL
from components.aws.documents.statements import Statement, allow
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")

NAME = "cluster-autoscaler"
"""Name of chart, release and service account."""
NAMESPACE = "kube-system"
REPOSITORY = "https://kubernetes.github.io/autoscaler"
VERSION = "9.59.0"
"""Of the chart; it runs cluster-autoscaler 1.35.0.

Source: kubernetes/autoscaler@55c37cd5eb55:cluster-autoscaler/charts/cluster-autoscaler/Chart.yaml, 2026-08-22.
"""
LOOKS = (
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeLaunchConfigurations",
    "autoscaling:DescribeScalingActivities",
    "autoscaling:DescribeTags",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:GetInstanceTypesFromInstanceRequirements",
)
"""Actions that take no resource. Source: the same commit, cluster-autoscaler/cloudprovider/aws/README.md."""
HIGHEST = 100


def autoscaler_statements(cluster: str, account: str, region: str) -> tuple[Statement, ...]:
    """Look at all groups, change only those that EKS has tagged as this cluster's."""
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}
    groups = f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/eks-*"
    return (
        allow(LOOKS, ["*"]),
        allow(["eks:DescribeNodegroup"], [f"arn:aws:eks:{region}:{account}:nodegroup/{cluster}/*/*"]),
        allow(["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"], [groups], condition=owned),
    )


def priorities(preferences: Sequence[Sequence[str]]) -> Mapping[str, list[str]]:
    """Patterns of group names by priority, from each pool's node groups in order of preference; equal ranks share a priority.

    EKS names the group behind node group X `eks-X-<uuid>`.
    """
    ranked: dict[str, list[str]] = {}
    for names in preferences:
        for rank, name in enumerate(names):
            ranked.setdefault(str(HIGHEST - rank), []).append(f"^eks-{name}-.*")
    return ranked


def chart_values(cluster: str, region: str, preferences: Sequence[Sequence[str]]) -> dict[str, Any]:
    """What the chart is told."""
    return {
        "fullnameOverride": NAME,
        "cloudProvider": "aws",
        "awsRegion": region,
        "autoDiscovery": {"clusterName": cluster},
        "replicaCount": 2,
        "nodeSelector": {POOL_LABEL: "system"},
        "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
        "rbac": {"serviceAccount": {"create": True, "name": NAME}},
        "expanderPriorities": priorities(preferences),
        "extraArgs": {
            "expander": "priority,least-waste",
            "balance-similar-node-groups": True,
            "skip-nodes-with-local-storage": False,
        },
    }


def release(name: str, values: Mapping[str, Any], opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """The pinned release."""
    args = k8s.helm.v3.ReleaseArgs(
        name=NAME,
        chart=NAME,
        version=VERSION,
        namespace=NAMESPACE,
        repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=REPOSITORY),
        values=dict(values),
        atomic=True,
        max_history=5,
        timeout=600,
    )
    return k8s.helm.v3.Release(name, args, opts=opts)
