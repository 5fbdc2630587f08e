"""AWS services that a cluster calls, beside those of nodes themselves: the union over its add-ons and whoever makes its nodes."""

from collections.abc import Collection, Mapping

from components.aws.cluster.addons import Feature, wanted
from components.aws.cluster.args import ClusterArgs

AUTOSCALERS: Mapping[str, tuple[str, ...]] = {
    "auto-mode": ("ec2", "eks", "eks-auth"),
    "cluster-autoscaler": ("autoscaling", "ec2", "eks"),
    "karpenter": ("ec2", "eks", "sqs", "ssm"),
}
"""By kind, each by the last part of the name of its endpoint. Karpenter asks for no prices in a closed network, and IAM has no endpoint in
most regions: its instance profile is made by the stack. Auto Mode itself runs outside the VPC; its nodes hand out identities.

Sources: kubernetes/autoscaler cluster-autoscaler/cloudprovider/aws/README.md; karpenter-provider-aws v1.14.1 pkg/aws/sdk.go.
"""


def called(args: ClusterArgs, features: Collection[Feature]) -> frozenset[str]:
    """Services that the cluster's add-ons and autoscaler call."""
    addons = {service for addon in wanted(features, auto_mode=args.autoscaler.kind == "auto-mode") for service in addon.services}
    return frozenset({*addons, *AUTOSCALERS[args.autoscaler.kind]})
