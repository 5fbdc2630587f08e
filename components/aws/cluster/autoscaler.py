"""What adds and removes nodes: the cluster autoscaler, which prefers the capacities of a pool in the order the stack file names them."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.aws.capacity.pools import POOL_LABEL
from components.aws.documents.statements import Statement, allow
from components.kubernetes.addons.charts import Chart

CHART = Chart(
    name="cluster-autoscaler",
    repository="https://kubernetes.github.io/autoscaler",
    version="9.59.0",
    source="kubernetes/autoscaler@55c37cd5eb55:cluster-autoscaler/charts/cluster-autoscaler/Chart.yaml, 2026-08-22; runs 1.35.0",
    namespace="kube-system",
    images={"image.repository": "registry.k8s.io/autoscaling/cluster-autoscaler"},
)
"""The chart; its name is also that of the service account."""
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


def chart_values(cluster: str, region: str, preferences: Sequence[Sequence[str]], *, closed: bool) -> dict[str, Any]:
    """What the chart is told; `closed` is that it reaches no list of machine types outside, and takes the one built in."""
    return {
        "fullnameOverride": CHART.name,
        "cloudProvider": "aws",
        "awsRegion": region,
        "autoDiscovery": {"clusterName": cluster},
        "replicaCount": 2,
        "nodeSelector": {POOL_LABEL: "system"},
        "resources": {"requests": {"cpu": "100m", "memory": "600Mi"}, "limits": {"memory": "600Mi"}},
        "rbac": {"serviceAccount": {"create": True, "name": CHART.name}},
        "expanderPriorities": priorities(preferences),
        "extraArgs": {
            "expander": "priority,least-waste",
            "balance-similar-node-groups": True,
            "skip-nodes-with-local-storage": False,
            **({"aws-use-static-instance-list": True} if closed else {}),
        },
    }
