"""Cluster autoscaler: adds and removes nodes, and prefers the capacities of a pool in the order the stack file names them."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.aws.documents.statements import Statement, allow

NAME = "cluster-autoscaler"
"""Its row of the add-on table, and the name of its service account."""
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
Preferences = Sequence[Sequence[Sequence[str]]]
"""Names of node groups by pool and, in order of preference, by way of buying: one, or one a zone."""


def autoscaler_statements(cluster: str, account: str, region: str) -> tuple[Statement, ...]:
    """Look at all groups, change only those that EKS has tagged as this cluster's."""
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}}
    groups = f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/eks-*"
    return (
        allow(LOOKS, ["*"]),
        allow(["eks:DescribeNodegroup"], [f"arn:aws:eks:{region}:{account}:nodegroup/{cluster}/*/*"]),
        allow(["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"], [groups], condition=owned),
    )


def priorities(preferences: Preferences) -> Mapping[str, list[str]]:
    """Patterns of group names by priority; equal ranks of different pools share a priority.

    EKS names the group behind node group X `eks-X-<uuid>`.
    """
    ranked: dict[str, list[str]] = {}
    for ways in preferences:
        for rank, names in enumerate(ways):
            ranked.setdefault(str(HIGHEST - rank), []).extend(f"^eks-{name}-.*" for name in names)
    return ranked


def chart_values(cluster: str, region: str, preferences: Preferences, *, closed: bool) -> dict[str, Any]:
    """What the chart is told beside its row; `closed` is that it reaches no list of machine types outside, and takes the one built in."""
    return {
        "awsRegion": region,
        "autoDiscovery": {"clusterName": cluster},
        "expanderPriorities": priorities(preferences),
        "extraArgs": {
            "expander": "priority,least-waste",
            "balance-similar-node-groups": True,
            "skip-nodes-with-local-storage": False,
            **({"aws-use-static-instance-list": True} if closed else {}),
        },
    }
