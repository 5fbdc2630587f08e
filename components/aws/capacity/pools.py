"""What a pool of nodes is: machines, how they are bought, how many, where."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.accelerators import aws_accelerators, aws_machines, nearest, unfit
from components.aws.values import Zone
from components.contracts import AcceleratorPool, Taint
from components.spec import Many, Problem, Size, Spec, rule

Capacity = Literal["on-demand", "spot"]


def _disk(size: Size) -> Size:
    if size.value % 2**30 or not 20 <= size.gib <= 16_384:
        raise ValueError('must be whole GiB between 20GiB and 16TiB, such as "200GiB"')
    return size


Disk = Annotated[Size, AfterValidator(_disk)]
"""Size of a gp3 volume in whole GiB."""
Count = Annotated[int, Field(ge=0, le=450)]
"""Nodes of a managed node group; EKS allows 450 by default."""


class SystemPoolArgs(Spec):
    """Nodes for what every cluster runs beside its workloads; no accelerators."""

    machine: str
    """EC2 machine type without accelerator, such as m7i.large."""
    min: Annotated[int, Field(ge=1, le=450)] = 2
    """Nodes that are always there."""
    max: Annotated[int, Field(ge=1, le=450)] = 4
    """Most nodes an autoscaler may ask for."""
    disk: Disk = Size("50GiB")
    """Data volume of each node, for images and scratch."""

    @rule("machine")
    def _fits(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            yield Problem(("machine",), f"is not an EC2 machine type known here{nearest(self.machine, aws_machines())}")
        elif known.accelerator:
            yield Problem(("machine",), f"has {known.accelerator} accelerators; the system pool takes machines without, such as m7i.large")

    @rule("min", "max")
    def _ordered(self) -> Iterator[Problem]:
        if self.min > self.max:
            yield Problem(("min",), f"is {self.min}, more than max ({self.max})")


class GpuPoolArgs(Spec):
    """Equal GPU nodes that workloads can ask for by the pool's name."""

    accelerator: str
    """The GPU, such as l40s or h100; it must be the one the machine has."""
    machine: str
    """EC2 machine type with NVIDIA GPUs, such as g6e.12xlarge."""
    capacity: Annotated[Many[Capacity], Field(min_length=1, max_length=2)] = ("on-demand",)
    """How nodes are bought, in order of preference: on-demand, spot. Each becomes a node group."""
    min: Count = 0
    """Nodes of the first capacity that are always there."""
    max: Annotated[int, Field(ge=1, le=450)]
    """Most nodes of each capacity that an autoscaler may ask for."""
    zones: Many[Zone] = ()
    """Zones of the site to use; empty means all of them."""
    disk: Disk = Size("200GiB")
    """Data volume of each node, for images and scratch."""

    @rule("machine")
    def _machine_fits(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            gpus = [name for name, machine in aws_machines().items() if not unfit(machine)]
            yield Problem(("machine",), f"is not an EC2 machine type known here{nearest(self.machine, gpus)}")
        elif reason := unfit(known):
            yield Problem(("machine",), f"cannot be in a GPU pool: {reason}")

    @rule("accelerator")
    def _accelerator_known(self) -> Iterator[Problem]:
        if self.accelerator not in aws_accelerators():
            allowed = ", ".join(sorted(aws_accelerators()))
            yield Problem(("accelerator",), f"must be one of {allowed}{nearest(self.accelerator, aws_accelerators())}")

    @rule("accelerator", "machine")
    def _agree(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known and not unfit(known) and self.accelerator in aws_accelerators() and known.accelerator != self.accelerator:
            fit = ", ".join(sorted(n for n, m in aws_machines().items() if m.accelerator == self.accelerator and not unfit(m)))
            yield Problem(("accelerator",), f"is {self.accelerator}, but {self.machine} has {known.accelerator}; machines with it: {fit}")

    @rule("min", "max")
    def _ordered(self) -> Iterator[Problem]:
        if self.min > self.max:
            yield Problem(("min",), f"is {self.min}, more than max ({self.max})")

    @rule("capacity")
    def _capacity_once(self) -> Iterator[Problem]:
        if len(set(self.capacity)) < len(self.capacity):
            yield Problem(("capacity",), "names a capacity twice")

    @rule("zones")
    def _zones_once(self) -> Iterator[Problem]:
        if len(set(self.zones)) < len(self.zones):
            yield Problem(("zones",), "names a zone twice")


SYSTEM_IMAGES = {"x86_64": "BOTTLEROCKET_x86_64", "arm64": "BOTTLEROCKET_ARM_64"}
GPU_IMAGES = {"x86_64": "BOTTLEROCKET_x86_64_NVIDIA", "arm64": "BOTTLEROCKET_ARM_64_NVIDIA"}
"""EKS image type by architecture; the NVIDIA variants bring driver and device plugin."""
CAPACITY_TYPES = {"on-demand": "ON_DEMAND", "spot": "SPOT"}
GPU_TAINT = Taint("nvidia.com/gpu", "true", "NoSchedule")
EKS_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}
POOL_LABEL = "groundwork.dev/pool"
ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
"""Tells the autoscaler that a new node will have GPUs, so that it adds no second one while the first still announces them.

Source: kubernetes/autoscaler@55c37cd5eb55:cluster-autoscaler/cloudprovider/aws/README.md, "Special note on GPU instances".
"""


@dataclass(frozen=True, slots=True)
class NodeGroupPlan:
    """One managed node group, as far as it is known before anything exists."""

    role: str
    """Name of the group within its cluster: the pool, with the capacity when it is not the pool's first."""
    machine: str
    image: str
    capacity: str
    min: int
    max: int
    disk_gib: int
    zones: tuple[str, ...]
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()

    @property
    def forcing(self) -> Mapping[str, object]:
        """What EKS cannot change in place; it makes the generation of the group's name."""
        return {"image": self.image, "machine": self.machine, "capacity": self.capacity, "zones": self.zones}


def plan_system(args: SystemPoolArgs, zones: Sequence[str]) -> NodeGroupPlan:
    """The node group of the system pool."""
    image = SYSTEM_IMAGES[aws_machines()[args.machine].architecture]
    labels = {POOL_LABEL: "system"}
    return NodeGroupPlan("system", args.machine, image, "ON_DEMAND", args.min, args.max, args.disk.gib, tuple(zones), labels)


def plan_gpu(name: str, args: GpuPoolArgs, zones: Sequence[str]) -> tuple[NodeGroupPlan, ...]:
    """The node groups of a GPU pool, one per capacity; only the first keeps nodes that are always there."""
    return tuple(
        NodeGroupPlan(
            role=f"pool-{name}-{capacity}",
            machine=args.machine,
            image=GPU_IMAGES[aws_machines()[args.machine].architecture],
            capacity=CAPACITY_TYPES[capacity],
            min=args.min if position == 0 else 0,
            max=args.max,
            disk_gib=args.disk.gib,
            zones=tuple(args.zones or zones),
            labels={POOL_LABEL: name, ACCELERATOR_LABEL: args.accelerator},
            taints=(GPU_TAINT,),
        )
        for position, capacity in enumerate(args.capacity)
    )


def accelerator_pool(name: str, args: GpuPoolArgs) -> AcceleratorPool:
    """The pool as a workload needs to know it."""
    machine = aws_machines()[args.machine]
    return AcceleratorPool(
        name=name,
        machine=args.machine,
        accelerator=args.accelerator,
        resource="nvidia.com/gpu",
        per_node=int(machine.accelerators),
        memory_mib=machine.accelerator_memory_mib,
        node_labels={POOL_LABEL: name},
        taints=(GPU_TAINT,),
        max_nodes=args.max * len(args.capacity),
        capacity=args.capacity,
    )
