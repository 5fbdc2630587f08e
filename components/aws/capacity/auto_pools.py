"""Pools whose nodes EKS Auto Mode starts: a NodePool and a NodeClass of its own kind for each way in which a pool's nodes are bought.

Images, drivers and device plugins are EKS's; local disks are striped where they are larger than the disk that is asked for.
Source: AWS EKS user guide, "Create a Node Class for Amazon EKS", "Create a Node Pool for EKS Auto Mode", read 2026-11-26.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi

from components.accelerators import aws_machines
from components.aws.capacity.karpenter_args import KarpenterPoolArgs
from components.aws.capacity.launching import Launching
from components.aws.capacity.node_plan import NodePlan
from components.aws.capacity.node_pools import node_pool, reservation_terms
from components.aws.capacity.pool_values import POOL_LABEL
from components.labels import POOL_TAG
from components.lazy import lazy
from components.spec import Duration

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")

GROUP = "eks.amazonaws.com"
LONGEST = "504h"
"""How long a node may live: 21 days, which may be reduced and not raised. Nodes of one age end together, whatever budgets say, so that
a shorter life would only bring that nearer. Source: EKS user guide, "Automate cluster infrastructure"."""
SYSTEM = KarpenterPoolArgs(disruption="one-at-a-time", idle=Duration("10m"))
"""How nodes of the system pool come and go: with the pods that ask for them, which move when a node does."""


def object_name(plan: NodePlan) -> str:
    """Name of a plan's pool and class; `system` is the name of one that EKS can bring itself."""
    return "platform" if plan.role == "system" else plan.role


def class_spec(plan: NodePlan, launching: Launching, tags: Mapping[str, str]) -> dict[str, Any]:
    """The spec of a NodeClass."""
    spec = {
        "role": launching.node_role,
        "subnetSelectorTerms": [{"id": launching.subnets[zone]} for zone in plan.zones],
        "securityGroupSelectorTerms": [{"id": launching.security_group}],
        "networkPolicy": "DefaultAllow",
        "networkPolicyEventLogs": "Enabled",
        "ephemeralStorage": {"size": f"{plan.disk_gib}Gi", "kmsKeyID": launching.key},
        "capacityReservationSelectorTerms": reservation_terms(plan.capacity),
        "tags": dict(tags),
    }
    return {key: value for key, value in spec.items() if value is not None}


def pool_spec(plan: NodePlan, args: KarpenterPoolArgs, position: int) -> dict[str, Any]:
    """The spec of a NodePool: Karpenter's, for a node class of Auto Mode, with the longest life that Auto Mode gives a node."""
    spec = node_pool(plan, args, position)
    template = spec["template"]
    reference = {"group": GROUP, "kind": "NodeClass", "name": object_name(plan)}
    node = {**template["spec"], "nodeClassRef": reference, "expireAfter": LONGEST}
    machine = aws_machines()[plan.machine]
    limits = spec["limits"] if args.static or machine.accelerators else {k: v for k, v in spec["limits"].items() if k in ("cpu", "memory")}
    return {**spec, "template": {**template, "spec": node}, "limits": limits}


class AutoPools:
    """Makes the pools of a cluster in Auto Mode."""

    def __init__(self, launching: Launching) -> None:
        self.launching = launching

    def make(self, plan: NodePlan, args: KarpenterPoolArgs, position: int) -> pulumi.Resource:
        """The NodePool of one way in which a pool's nodes are bought, and its node class."""
        launching = self.launching
        tags = launching.owner.tags(plan.role, **{POOL_TAG: plan.labels[POOL_LABEL]})
        made = self._object("NodeClass", f"{GROUP}/v1", plan, class_spec(plan, launching, tags), "-class", grace=args.grace)
        pool = pool_spec(plan, args, position)
        return self._object("NodePool", "karpenter.sh/v1", plan, pool, "", made, grace=args.grace)

    def _object(
        self, kind: str, version: str, plan: NodePlan, spec: dict[str, Any], suffix: str, *after: pulumi.Resource, grace: Duration
    ) -> pulumi.Resource:
        owner = self.launching.owner
        return k8s.apiextensions.CustomResource(
            f"{owner.prefix}-{plan.role}{suffix}",
            api_version=version,
            kind=kind,
            metadata={"name": object_name(plan), "labels": owner.context.labels.kubernetes(owner.prefix, plan.role)},
            spec=spec,
            opts=self.launching.options(*after, grace=grace),
        )
