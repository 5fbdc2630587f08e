"""The EKS add-ons, as data: what each needs, when it can be made, and which clusters have it."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from components.aws.capacity.density import WARM
from components.aws.documents.keys import volumes_key_use
from components.aws.documents.statements import Statement, allow

AddonName = Literal[
    "vpc-cni",
    "eks-pod-identity-agent",
    "kube-proxy",
    "coredns",
    "aws-ebs-csi-driver",
    "aws-efs-csi-driver",
    "aws-fsx-csi-driver",
    "aws-mountpoint-s3-csi-driver",
    "eks-node-monitoring-agent",
]
Feature = Literal["efs", "lustre", "mountpoint"]
"""What the rest of a platform asks of its cluster: file systems of each kind, mounted by pods."""


JUMBO = "9001"
"""Bytes of the largest frame in a VPC, which pods have too: collectives between nodes that have no fabric need large ones."""


@dataclass(frozen=True, slots=True)
class Addon:
    """One add-on. `before_nodes`: nodes become ready only with it; the others wait for nodes to run on."""

    name: AddonName
    before_nodes: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    """Configuration values."""
    service_account: str = ""
    """The account in kube-system that gets an identity of its own, or "" when the add-on calls no AWS service."""
    policy: str = ""
    """ARN of the managed policy of that identity, or ""."""
    statements: Callable[[pulumi.Input[str]], Sequence[Statement]] | None = None
    """What the identity may do beside, given the ARN of the cluster's key."""
    feature: Feature | None = None
    """The feature that asks for it; None is in every cluster."""
    services: tuple[str, ...] = ()
    """AWS services that it calls, by the last part of the name of their VPC endpoint."""

    @property
    def configuration(self) -> str | None:
        """The values as EKS takes them."""
        return json.dumps(self.values, sort_keys=True) if self.values else None


def looks_at_lustre(key: pulumi.Input[str]) -> Sequence[Statement]:
    """All that volumes of file systems which exist need; none is made from inside the cluster. FSx knows no resource for it."""
    return (allow(["fsx:DescribeFileSystems"], ["*"]),)


ADDONS = (
    Addon("eks-pod-identity-agent", before_nodes=True, services=("eks-auth",)),
    Addon(
        "vpc-cni",
        before_nodes=True,
        # Every value is a string: the add-on's schema refuses booleans and numbers here.
        values={
            "enableNetworkPolicy": "true",
            "env": {"AWS_VPC_ENI_MTU": JUMBO, "ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": str(WARM)},
        },
        service_account="aws-node",
        policy="arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        services=("ec2",),
    ),
    Addon("kube-proxy", before_nodes=True),
    Addon("coredns", before_nodes=False),
    Addon(
        "aws-ebs-csi-driver",
        before_nodes=False,
        service_account="ebs-csi-controller-sa",
        policy="arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
        statements=volumes_key_use,
        services=("ec2",),
    ),
    Addon(
        "aws-efs-csi-driver",
        before_nodes=False,
        service_account="efs-csi-controller-sa",
        policy="arn:aws:iam::aws:policy/service-role/AmazonEFSCSIDriverPolicy",
        # Source: EKS user guide, "Use elastic file system storage with Amazon EFS", for the policy
        # by Pod Identity; node pods tolerate every taint by the values of the driver's chart.
        feature="efs",
        services=("elasticfilesystem",),
    ),
    Addon(
        "aws-fsx-csi-driver",
        before_nodes=False,
        service_account="fsx-csi-controller-sa",
        statements=looks_at_lustre,
        feature="lustre",
        services=("fsx",),
    ),
    Addon(
        "aws-mountpoint-s3-csi-driver",
        before_nodes=False,
        # Not on by itself in older versions, and GPU nodes are tainted. Sources: EKS user guide,
        # "Deploy the Mountpoint for Amazon S3 driver", for the setting; for Pod Identity README of
        # awslabs/mountpoint-s3-csi-driver, which has it from version 2 on.
        values={"node": {"tolerateAllTaints": True}},
        service_account="s3-csi-driver-sa",
        feature="mountpoint",
    ),
    Addon("eks-node-monitoring-agent", before_nodes=False),
)
"""In the order in which they are made."""


def wanted(features: Collection[Feature], *, auto_mode: bool = False) -> tuple[Addon, ...]:
    """The add-ons of a cluster of which these features are asked; what every cluster needs, Auto Mode has built in."""
    return tuple(addon for addon in ADDONS if (addon.feature in features if addon.feature else not auto_mode))
