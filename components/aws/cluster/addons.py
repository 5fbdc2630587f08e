"""The EKS add-ons of every cluster, as data: what each needs and when it can be made."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

from components.aws.documents.keys import volumes_key_use
from components.aws.documents.statements import Statement

AddonName = Literal["vpc-cni", "eks-pod-identity-agent", "kube-proxy", "coredns", "aws-ebs-csi-driver", "eks-node-monitoring-agent"]


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
    """ARN of the managed policy of that identity."""
    statements: Callable[[pulumi.Input[str]], Sequence[Statement]] | None = None
    """What the identity may do beside, given the ARN of the cluster's key."""

    @property
    def configuration(self) -> str | None:
        """The values as EKS takes them."""
        return json.dumps(self.values, sort_keys=True) if self.values else None


ADDONS = (
    Addon("eks-pod-identity-agent", before_nodes=True),
    Addon(
        "vpc-cni",
        before_nodes=True,
        # Every value is a string: the add-on's schema refuses booleans and numbers here.
        values={"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}},
        service_account="aws-node",
        policy="arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
    ),
    Addon("kube-proxy", before_nodes=True),
    Addon("coredns", before_nodes=False),
    Addon(
        "aws-ebs-csi-driver",
        before_nodes=False,
        service_account="ebs-csi-controller-sa",
        policy="arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy",
        statements=volumes_key_use,
    ),
    Addon("eks-node-monitoring-agent", before_nodes=False),
)
"""In the order in which they are made."""
