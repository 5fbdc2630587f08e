"""Managed node groups and the launch templates they start nodes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi

from components.accelerators import aws_machines
from components.aws.base import AwsComponent, ServiceRole
from components.aws.capacity.allocatable import template_tags
from components.aws.capacity.fabric import launch_template_interfaces, layout
from components.aws.capacity.node_plan import EKS_EFFECTS, NodePlan, by_zone
from components.aws.capacity.placement import FabricGroups, placement_group
from components.aws.capacity.plan import Capacity, CapacityBlock, GroupedReservations, ReservedCapacity
from components.aws.capacity.pool_values import POOL_LABEL
from components.aws.capacity.updating import update_config
from components.aws.capacity.user_data import encoded
from components.labels import POOL_TAG
from components.lazy import lazy
from components.naming import Naming

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

NODE_POLICIES = (
    "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
    "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
)
"""All that a node itself needs; the CNI has an identity of its own."""
UPDATE = "8h"
"""How long an update of a group's nodes is waited for. EKS drains each node up to 15 minutes; the provider alone gives up after one hour
while EKS goes on, and the next update is refused until it has ended.

Sources: hashicorp/terraform-provider-aws, internal/service/eks/node_group.go, Timeouts; EKS user guide, managed-node-update-behavior.
"""
SYSTEM_DISK_GIB, SYSTEM_DISK_WITH_DRIVERS_GIB = 4, 6
"""Bottlerocket's system volume, /dev/xvda; images and scratch are on /dev/xvdb. Amazon Linux has one volume, /dev/xvda.

EC2 refuses a volume that is smaller than the image's snapshot. Source: bottlerocket-os/bottlerocket@54c38ab3659f,
variants/aws-k8s-1.37-nvidia/Cargo.toml: os-image-size-gib = 6, for two branches of drivers; 4 in NVIDIA variants of 1.34 to 1.36,
2 in those without drivers.
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """What nodes of a cluster stand on, however they are made."""

    cluster: "aws.eks.Cluster"
    version: str
    """Kubernetes version."""
    key: pulumi.Input[str]
    """ARN of the key of their volumes."""
    role: ServiceRole
    """What a node may do."""
    subnets: Mapping[str, pulumi.Input[str]]
    """Private subnet by zone."""
    image_release: str | None
    """Bottlerocket release to hold."""
    group: pulumi.Output[str]
    """The cluster's security group."""
    fabric: FabricGroups | None
    """Security groups of nodes with EFA; None where the cluster has no such pool."""
    after: Sequence[pulumi.Resource]
    """What must be there before a node starts."""


QUICK = {"iops": 16_000, "throughput": 1_000}
"""IOPS and MiB/s of a volume that images arrive on in parallel: the most of gp3, with which their speed was measured."""


def disk(device: str, size_gib: int, key: pulumi.Input[str], *, quick: bool = False) -> Any:
    """An encrypted gp3 volume that goes with its node."""
    return {
        "device_name": device,
        "ebs": {
            "volume_type": "gp3",
            "volume_size": size_gib,
            "encrypted": "true",
            "kms_key_id": key,
            "delete_on_termination": "true",
            **(QUICK if quick else {}),
        },
    }


def system_disk_gib(image: str) -> int:
    """Size of Bottlerocket's system volume for an EKS image type."""
    return SYSTEM_DISK_WITH_DRIVERS_GIB if "NVIDIA" in image else SYSTEM_DISK_GIB


def disks(plan: NodePlan, key: pulumi.Input[str]) -> list[Any]:
    """The volumes of a node."""
    data = disk("/dev/xvdb" if plan.bottlerocket else "/dev/xvda", plan.disk_gib, key, quick=plan.quick_disk)
    return [disk("/dev/xvda", system_disk_gib(plan.image), key), data] if plan.bottlerocket else [data]


def reservation(capacity: Capacity) -> dict[str, Any]:
    """What a launch template says so that nodes start in what is reserved, and nowhere else; nothing for what is bought as needed."""
    if isinstance(capacity, CapacityBlock):
        target = {"capacity_reservation_id": capacity.block}
        return {
            "instance_market_options": {"market_type": "capacity-block"},
            "capacity_reservation_specification": {"capacity_reservation_target": target},
        }
    if isinstance(capacity, ReservedCapacity):
        which = capacity.reserved
        target = (
            {"capacity_reservation_resource_group_arn": which.group}
            if isinstance(which, GroupedReservations)
            else {"capacity_reservation_id": str(which)}
        )
        return {"capacity_reservation_specification": {"capacity_reservation_target": target}}
    return {}


def cpu_options(plan: NodePlan) -> Any:
    """CPU options of a launch template; None where machines start as EC2 starts them.

    EC2 takes cores and threads together. Source: EC2 API reference, LaunchTemplateCpuOptionsRequest
    ("Both the core count and threads per core must be specified in the request").
    """
    if plan.threads is None:
        return None
    cores = aws_machines()[plan.machine].cpu_cores
    return {"core_count": cores, "threads_per_core": plan.threads}


def in_template(plan: NodePlan) -> bool:
    """Whether the launch template names the machine type, and not the node group: for a capacity block, and never both.

    Sources: EKS user guide, capacity-blocks-mng ("the create request will be rejected" without InstanceType) and launch-templates.
    """
    return isinstance(plan.capacity, CapacityBlock)


def group_name(plan: NodePlan, naming: Naming) -> str:
    """The node group's name, with its generation: a replacement is made before its predecessor goes."""
    return naming.generation(plan.role, plan.forcing)


class NodeGroups:
    """Makes managed node groups; children belong to `owner`, the cluster's component."""

    def __init__(self, owner: AwsComponent, ground: Ground) -> None:
        self.owner = owner
        self.ground = ground

    def each_zone(self, plan: NodePlan) -> list["aws.eks.NodeGroup"]:
        """A node group for each zone of a plan, all from one launch template.

        The first has the alias of the group over all zones that earlier versions made.
        """
        template = self._template(plan)
        split = by_zone(plan)
        before = pulumi.Alias(name=f"{self.owner.prefix}-{plan.role}")
        aliases = [[before] if len(split) > 1 and not at else [] for at in range(len(split))]
        return [self.make(one, template, old) for one, old in zip(split, aliases, strict=True)]

    def make(
        self,
        plan: NodePlan,
        template: "aws.ec2.LaunchTemplate | None" = None,
        aliases: Sequence[pulumi.Alias] = (),
    ) -> "aws.eks.NodeGroup":
        """One node group. Of a capacity block EKS itself asks nodes to go in time, by a scheduled action of its own."""
        owner, ground = self.owner, self.ground
        template = template or self._template(plan)
        return aws.eks.NodeGroup(
            f"{owner.prefix}-{plan.role}",
            cluster_name=ground.cluster.name,
            node_group_name=group_name(plan, owner.context.naming),
            node_role_arn=ground.role.role.arn,
            subnet_ids=[ground.subnets[zone] for zone in plan.zones],
            ami_type=plan.image,
            release_version=plan.release or (ground.image_release if plan.bottlerocket else None),
            version=plan.version or ground.version,
            instance_types=None if in_template(plan) else list(plan.machines),
            capacity_type=plan.capacity_type,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": plan.min, "desired_size": plan.at_first, "max_size": plan.max},
            update_config=update_config(plan.capacity, plan.max, plan.evictions, plan.groups),
            node_repair_config={"enabled": True},
            labels=plan.labels,
            taints=[{"key": t.key, "value": t.value, "effect": EKS_EFFECTS[t.effect]} for t in plan.taints] or None,
            tags=owner.tags(plan.role, **template_tags(plan)),
            # The autoscaler owns the number of nodes between min and max. When a bound changes the provider sends all three sizes, the
            # desired one from the state (hashicorp/terraform-provider-aws@012e0a32, internal/service/eks/node_group.go,
            # expandNodegroupScalingConfig), and EKS refuses one beyond the bounds: policy rule node-group-size tells it before.
            # The bridge deletes first what the program named; the generation in the name lets the successor come first.
            opts=pulumi.ResourceOptions.merge(
                owner.child(*ground.role.ready, *ground.after, *(ground.fabric.ready if ground.fabric and plan.fabric else ())),
                pulumi.ResourceOptions(
                    ignore_changes=["scalingConfig.desiredSize"],
                    delete_before_replace=False,
                    aliases=list(aliases),
                    custom_timeouts=pulumi.CustomTimeouts(update=UPDATE, delete=UPDATE),
                ),
            ),
        )

    def _template(self, plan: NodePlan) -> "aws.ec2.LaunchTemplate":
        owner, key = self.owner, self.ground.key
        settings = plan.start.told(bottlerocket=plan.bottlerocket)
        name = placement_group(owner, plan)
        close: Any = {"group_name": name} if name else None
        held = reservation(plan.capacity)
        return aws.ec2.LaunchTemplate(
            f"{owner.prefix}-{plan.role}-template",
            name=owner.context.naming.name(plan.role, limit=128),
            update_default_version=True,
            instance_type=plan.machine if in_template(plan) else None,
            metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
            monitoring={"enabled": True},
            block_device_mappings=disks(plan, key),
            network_interfaces=self._interfaces(plan),
            placement=close,
            cpu_options=cpu_options(plan),
            user_data=encoded(settings),
            tag_specifications=[
                {"resource_type": kind, "tags": owner.tags(plan.role, **{POOL_TAG: plan.labels[POOL_LABEL]})}
                for kind in ("instance", "volume", "network-interface")
            ],
            tags=owner.tags(plan.role),
            instance_market_options=held.get("instance_market_options"),
            capacity_reservation_specification=held.get("capacity_reservation_specification"),
            opts=owner.child(),
        )

    def _interfaces(self, plan: NodePlan) -> Any:
        if plan.fabric and self.ground.fabric:
            return launch_template_interfaces(layout(aws_machines()[plan.machine], karpenter=False), self.ground.fabric.ids)
        return [
            {
                "device_index": 0,
                "associate_public_ip_address": "false",
                "delete_on_termination": "true",
                "security_groups": [self.ground.group],
            }
        ]
