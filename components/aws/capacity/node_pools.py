"""Pools that Karpenter makes: a NodePool and an EC2NodeClass for each way in which a pool's nodes are bought, the first of the most weight.

Written for aws/karpenter-provider-aws v1.14.1 (karpenter.sh/v1, karpenter.k8s.aws/v1).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pulumi

from components.accelerators import Machine, aws_machines
from components.aws.capacity.fabric import karpenter_interfaces, layout
from components.aws.capacity.groups import QUICK, Ground, system_disk_gib
from components.aws.capacity.karpenter_args import HIGHEST, KarpenterLimits, KarpenterPoolArgs
from components.aws.capacity.launching import Launching
from components.aws.capacity.node_plan import NodePlan
from components.aws.capacity.placement import placement_group
from components.aws.capacity.plan import Capacity, CapacityBlock, ReservedCapacity, TaggedReservations, way_of
from components.aws.capacity.pool_values import POOL_LABEL
from components.labels import POOL_TAG
from components.lazy import lazy
from components.spec import Duration

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")

ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
CAPACITY_LABELS = {"reserved": "reserved", "capacity-block": "reserved", "on-demand": "on-demand", "spot": "spot"}
"""Value of karpenter.sh/capacity-type by way; capacity blocks are reserved capacity to Karpenter."""
Object = dict[str, Any]


def seconds(duration: Duration) -> str:
    """A duration as Karpenter spells it."""
    return f"{duration.seconds}s"


def image_alias(plan: NodePlan, release: str | None) -> str:
    """The image by family and version. Raises ValueError without a release: the newest image would replace every node when it appears."""
    held = plan.release or (release if plan.bottlerocket else None)
    if held is None:
        raise ValueError(f"{plan.role} holds no image release")
    version, _, day = held.partition("-")
    return f"bottlerocket@v{version}" if plan.bottlerocket else f"al2023@v{day}"


def reservation_terms(capacity: Capacity) -> list[Object] | None:
    """Which reservations nodes may start in; None where they are bought as needed."""
    if isinstance(capacity, CapacityBlock):
        return [{"id": capacity.block}]
    if isinstance(capacity, ReservedCapacity):
        which = capacity.reserved
        return [{"tags": dict(which.tags)}] if isinstance(which, TaggedReservations) else [{"id": str(which)}]
    return None


def requirements(plan: NodePlan) -> list[Object]:
    """What every node of a plan is."""
    zone_id = None if isinstance(plan.capacity, str) else plan.capacity.zone_id
    wanted = {
        "karpenter.sh/capacity-type": [CAPACITY_LABELS[way_of(plan.capacity)]],
        "node.kubernetes.io/instance-type": list(plan.machines),
        "kubernetes.io/arch": [ARCHITECTURES[aws_machines()[plan.machine].architecture]],
        "topology.kubernetes.io/zone": list(plan.zones),
        **({"topology.k8s.aws/zone-id": [zone_id]} if zone_id else {}),
    }
    return [{"key": key, "operator": "In", "values": values} for key, values in wanted.items()]


def limits(args: KarpenterPoolArgs, machine: Machine, most: int) -> Object:
    """Most resources of a NodePool: what `most` nodes have, or less where the pool says so; nodes alone where it keeps them."""
    if args.static:
        return {"nodes": most}
    stated = args.limits or KarpenterLimits()
    memory = machine.memory_mib * most
    return {
        "cpu": min(machine.vcpus * most, stated.cpu or machine.vcpus * most),
        "memory": f"{min(memory, stated.memory.value // 2**20 if stated.memory else memory)}Mi",
        machine.resource: min(int(machine.accelerators) * most, stated.accelerators or int(machine.accelerators) * most),
    }


def disruption(args: KarpenterPoolArgs) -> Object:
    """When nodes are taken away: never while something runs on them, or one at a time.

    Budgets bound drift and consolidation. They bound neither expiration, which deletes every node of an age at once, nor the repair of
    broken nodes (at most a fifth of a pool, with no time for pods to end), nor interruptions by EC2.
    Sources: kubernetes-sigs/karpenter v1.14.1, designs/forceful-expiration.md, pkg/controllers/nodeclaim/expiration,
    pkg/controllers/disruption, pkg/controllers/node/health; karpenter#1590 and #1750.
    """
    budgets: list[Object] = [{"nodes": "1"}]
    if args.disruption == "when-empty":
        budgets = [{"nodes": "0", "reasons": ["Drifted", "Underutilized"]}]
    return {"consolidationPolicy": "WhenEmpty", "consolidateAfter": seconds(args.idle), "budgets": budgets}


def node_pool(plan: NodePlan, args: KarpenterPoolArgs, position: int) -> Object:
    """The spec of a NodePool; `position` is the place of its way of buying in the pool's order, from 0."""
    machine = aws_machines()[plan.machine]
    node = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": plan.role},
        "requirements": requirements(plan),
        "taints": [{"key": t.key, "value": t.value, "effect": t.effect} for t in plan.taints],
        # Nodes of one age would end together, whatever the budgets say; drift replaces those that are outdated.
        "expireAfter": "Never",
        "terminationGracePeriod": seconds(args.grace),
    }
    following = {"replicas": plan.min} if args.static else {"weight": max(1, (args.weight or HIGHEST) - position)}
    return {
        "template": {"metadata": {"labels": dict(plan.labels)}, "spec": node},
        "limits": limits(args, machine, plan.max),
        "disruption": disruption(args),
        **following,
    }


def volumes(plan: NodePlan, key: pulumi.Input[str]) -> list[Object]:
    """The volumes of a node."""
    system = {"/dev/xvda": system_disk_gib(plan.image)} if plan.bottlerocket else {}
    data = "/dev/xvdb" if plan.bottlerocket else "/dev/xvda"
    common = {"volumeType": "gp3", "encrypted": True, "kmsKeyID": key, "deleteOnTermination": True}
    return [
        {"deviceName": device, "ebs": {**common, "volumeSize": f"{size}Gi", **(QUICK if device == data and plan.quick_disk else {})}}
        for device, size in {**system, data: plan.disk_gib}.items()
    ]


def node_class(
    plan: NodePlan, launching: Launching, ground: Ground, placement: pulumi.Input[str] | None, tags: Mapping[str, str]
) -> Object:
    """The spec of an EC2NodeClass."""
    groups = ground.fabric.ids if plan.fabric and ground.fabric else (launching.security_group,)
    # Karpenter stripes local disks by itself, and has to count the pods of a node before it is there.
    settings = replace(plan.start, nvme=False, pods=None).told(bottlerocket=plan.bottlerocket)
    interfaces = karpenter_interfaces(layout(aws_machines()[plan.machine], karpenter=True)) if plan.fabric else None
    spec = {
        "amiFamily": "Bottlerocket" if plan.bottlerocket else "AL2023",
        "amiSelectorTerms": [{"alias": image_alias(plan, ground.image_release)}],
        "instanceProfile": launching.instance_profile,
        "subnetSelectorTerms": [{"id": launching.subnets[zone]} for zone in plan.zones],
        "securityGroupSelectorTerms": [{"id": group} for group in groups],
        "associatePublicIPAddress": None if plan.fabric else False,
        "blockDeviceMappings": volumes(plan, launching.key),
        "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
        "detailedMonitoring": True,
        "kubelet": {"maxPods": plan.pods},
        "tags": dict(tags),
        "capacityReservationSelectorTerms": reservation_terms(plan.capacity),
        "placementGroupSelector": {"name": placement} if placement else None,
        "networkInterfaces": interfaces,
        "instanceStorePolicy": "RAID0" if plan.nvme else None,
        "userData": settings or None,
    }
    return {key: value for key, value in spec.items() if value is not None}


class NodePools:
    """Makes the pools whose nodes Karpenter starts."""

    def __init__(self, launching: Launching, ground: Ground) -> None:
        self.launching = launching
        self.ground = ground

    def make(self, plan: NodePlan, args: KarpenterPoolArgs, position: int) -> pulumi.Resource:
        """The NodePool of one way in which a pool's nodes are bought, and its node class."""
        launching, ground = self.launching, self.ground
        owner = launching.owner
        fabric = ground.fabric.ready if ground.fabric and plan.fabric else ()
        spec = node_class(
            plan, launching, ground, placement_group(owner, plan), owner.tags(plan.role, **{POOL_TAG: plan.labels[POOL_LABEL]})
        )
        made = self._object("EC2NodeClass", "karpenter.k8s.aws/v1", plan, spec, *fabric, grace=args.grace)
        pool = node_pool(plan, args, position)
        return self._object("NodePool", "karpenter.sh/v1", plan, pool, made, grace=args.grace)

    def _object(
        self,
        kind: str,
        version: str,
        plan: NodePlan,
        spec: Object,
        *after: pulumi.Resource,
        grace: Duration,
    ) -> pulumi.Resource:
        owner = self.launching.owner
        suffix = "-class" if kind == "EC2NodeClass" else ""
        return k8s.apiextensions.CustomResource(
            f"{owner.prefix}-{plan.role}{suffix}",
            api_version=version,
            kind=kind,
            metadata={"name": plan.role, "labels": owner.context.labels.kubernetes(owner.prefix, plan.role)},
            spec=spec,
            opts=self.launching.options(*after, grace=grace),
        )
