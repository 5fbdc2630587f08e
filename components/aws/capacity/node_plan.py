"""Plans of a pool's nodes, as far as they are known before anything exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.accelerators import Machine, aws_machines
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.evictions import Eviction
from components.aws.capacity.plan import Capacity, roles, way_of, zones_for
from components.aws.capacity.pool_values import POOL_LABEL
from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.capacity.user_data import Start
from components.aws.cluster.compatibility import image_for, operator_labels
from components.contracts import AcceleratorPool, Fabric, Taint

SYSTEM_IMAGES = {"x86_64": "BOTTLEROCKET_x86_64", "arm64": "BOTTLEROCKET_ARM_64"}
"""EKS image type by architecture, for nodes without accelerators."""
CAPACITY_TYPES = {"reserved": "ON_DEMAND", "capacity-block": "CAPACITY_BLOCK", "on-demand": "ON_DEMAND", "spot": "SPOT"}
EKS_EFFECTS = {"NoSchedule": "NO_SCHEDULE", "PreferNoSchedule": "PREFER_NO_SCHEDULE", "NoExecute": "NO_EXECUTE"}
FABRIC_LABEL = "groundwork.dev/fabric"
"""On nodes with EFA; its device plugin goes where it is."""
FABRIC = "vpc.amazonaws.com/efa"
"""The extended resource of one EFA interface."""
HUGE_PAGES = 5128
"""Pages of 2 MiB on a node with EFA.

Source: AWS EKS user guide, node-efa.md, "instances with the EFA driver installed pre-allocate 5128 2MiB Huge Pages". Bottlerocket would
take 110 for each vCPU of a machine with EFA: 41 GiB of p5.48xlarge (bottlerocket-core-kit, sources/api/corndog/src/main.rs).
"""
NO_HUGE_PAGES = {"FI_EFA_USE_HUGE_PAGE": "0"}
"""Variables of libfabric for a pod that asks for no huge pages: it would use what the node has and be ended by a bus error, since the
kubelet then allows it none. It costs little (aws-ofi-nccl#292, "minor performance hit").

Sources: libfabric, fi_efa(7), FI_EFA_USE_HUGE_PAGE; kubernetes#44817 and #71233, on pods without a request for huge pages.
"""
PAGE_MIB = 2
"""MiB of one such page."""
NVIDIA, CORES = "nvidia.com/gpu", "aws.amazon.com/neuroncore"
"""Extended resources of one NVIDIA GPU, or a share of it, and of one NeuronCore.

Source: AWS Neuron documentation, "Neuron Device Plugin": it registers aws.amazon.com/neuron and aws.amazon.com/neuroncore.
"""
GROUPED_CORES = frozenset({"trainium2"})
"""Accelerators whose cores are announced in groups, as many to a group as a node is told; how many are announced is not known here.

Source: AWS Neuron documentation, "Logical NeuronCore configuration".
"""
PLUGIN_CONFIG_LABEL = "nvidia.com/device-plugin.config"
"""Names what the device plugin of the GPU operator does on a node.

Source: NVIDIA/gpu-operator documentation, "Time-Slicing GPUs in Kubernetes", node-specific configurations.
"""
ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"
"""Tells the autoscaler that a new node will have GPUs, so that it adds no second one while the first still announces them.

A node with this label and without nvidia.com/gpu is never ready to the autoscaler, so that nodes with Trainium or Inferentia, or
whose GPUs are announced by MIG profile, must not have it. Sources: kubernetes/autoscaler@cluster-autoscaler-1.35.0,
cluster-autoscaler/cloudprovider/aws/README.md, "Special note on GPU instances", processors/customresources/gpu_processor.go and
utils/gpu/gpu.go, GPUVendorResourceNames.
"""


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Equal nodes bought in one way: a managed node group, or a NodePool of Karpenter."""

    role: str
    """Its name within the cluster: the pool, with the way its nodes are bought."""
    machines: tuple[str, ...]
    """Machine types in order of preference."""
    image: str
    capacity: Capacity
    min: int
    max: int
    disk_gib: int
    zones: tuple[str, ...]
    labels: Mapping[str, str]
    pods: int
    """Most pods of a node."""
    taints: tuple[Taint, ...] = ()
    release: str | None = None
    """Release of the image, where the pool holds one of its own."""
    version: str | None = None
    """Kubernetes version of the nodes, where the pool holds one of its own."""
    fabric: bool = False
    """Whether nodes have every EFA interface of their machine."""
    paged: bool = True
    """Whether nodes with a fabric set huge pages apart; not where Karpenter makes them, which knows no such resource."""
    close: bool = False
    """Whether nodes stand in a placement group: that of the reservation, else one of their own."""
    nvme: bool = False
    """Whether images and scratch are on local disks."""
    parallel: bool = False
    """Whether container images are fetched in parallel."""
    plugin: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the device plugin that Bottlerocket brings, where they are not its own."""
    devices: Mapping[str, int] = field(default_factory=dict)
    """Extended resources that device plugins announce on each node."""

    evictions: Sequence[Eviction] = ()
    """Replicas that leave a node one by one when it is replaced."""
    groups: int = 1
    """Node groups of its pool, which are updated at the same time."""
    threads: int | None = None
    """Threads on each core; None is as EC2 starts the machine."""
    first: int | None = None
    """Nodes at first, before the autoscaler decides; None is as many as are always there."""

    @property
    def at_first(self) -> int:
        """Nodes that the group is made with."""
        return self.min if self.first is None else self.first

    @property
    def machine(self) -> str:
        """The machine type that is preferred."""
        return self.machines[0]

    @property
    def started(self) -> list[Machine]:
        """Its machine types as their systems see them."""
        return [aws_machines()[name].with_threads(self.threads) for name in self.machines]

    @property
    def capacity_type(self) -> str:
        """The word of EKS for the way nodes are bought."""
        return CAPACITY_TYPES[way_of(self.capacity)]

    @property
    def huge_pages(self) -> int | None:
        """Pages of 2 MiB that each node sets apart; None leaves it to the image, which takes none without a fabric."""
        return (HUGE_PAGES if self.paged else 0) if self.fabric else None

    @property
    def start(self) -> Start:
        """What a node is told as it starts."""
        return Start(pods=self.pods, huge_pages=self.huge_pages, nvme=self.nvme, parallel=self.parallel, plugin=self.plugin)

    @property
    def quick_disk(self) -> bool:
        """Whether the data volume must keep up with images that arrive in parallel."""
        return self.parallel and not self.nvme

    @property
    def bottlerocket(self) -> bool:
        """Whether the image is Bottlerocket, whose second volume holds images and scratch."""
        return self.image.startswith("BOTTLEROCKET")

    @property
    def forcing(self) -> Mapping[str, object]:
        """What EKS cannot change in place; it makes the generation of the group's name."""
        machines = {"machines": self.machines} if len(self.machines) > 1 else {}
        return {"image": self.image, "machine": self.machine, "capacity": self.capacity_type, "zones": self.zones, **machines}


def by_zone(plan: NodePlan) -> tuple[NodePlan, ...]:
    """Split a plan into one for each of its zones, which share its nodes as evenly as they can.

    A block volume stays in its zone, and a group over several zones starts nodes in any of them: its
    pod may wait for ever. A zone that would get no node at all gets no plan. Sources:
    kubernetes/autoscaler#3845; cluster-autoscaler/cloudprovider/aws/README.md, "Common Notes and
    Gotchas", on groups that span zones.
    """
    if len(plan.zones) < 2:
        return (plan,)
    count = len(plan.zones)
    return tuple(
        replace(plan, role=f"{plan.role}-{zone}", zones=(zone,), min=least, first=first, max=most)
        for zone, least, first, most in zip(
            plan.zones, shares(plan.min, count), shares(plan.at_first, count), shares(plan.max, count), strict=True
        )
        if most
    )


def shares(whole: int, parts: int) -> tuple[int, ...]:
    """Split a number into as many parts, which differ by one at the most, the larger ones first."""
    least, more = divmod(whole, parts)
    return tuple(least + (position < more) for position in range(parts))


def plan_system(args: SystemPoolArgs, zones: Sequence[str]) -> NodePlan:
    """The nodes of the system pool."""
    image = SYSTEM_IMAGES[aws_machines()[args.machine].architecture]
    labels = {POOL_LABEL: "system"}
    return NodePlan(
        "system",
        (args.machine,),
        image,
        "on-demand",
        args.min,
        args.max,
        args.disk.gib,
        tuple(zones),
        labels,
        args.most_pods,
        first=args.desired,
    )


def plan_cpu_pool(name: str, args: CpuPoolArgs, zones: Sequence[str]) -> tuple[NodePlan, ...]:
    """The nodes of a CPU pool, one plan for each way they are bought; only the first keeps nodes."""
    taints = (Taint(POOL_LABEL, name, "NoSchedule"),) if args.taint else ()
    return tuple(
        NodePlan(
            role=f"pool-{name}-{way}",
            machines=(args.machine, *args.machines),
            image=SYSTEM_IMAGES[aws_machines()[args.machine].architecture],
            capacity=way,
            min=0 if position else args.min,
            first=None if position else args.desired,
            max=args.max,
            threads=args.threads_per_core,
            disk_gib=args.disk.gib,
            zones=args.stated or tuple(zones),
            labels={POOL_LABEL: name},
            pods=args.most_pods,
            taints=taints,
        )
        for position, way in enumerate(args.capacity)
    )


def plan_pool(name: str, args: GpuPoolArgs, zones: Sequence[str]) -> tuple[NodePlan, ...]:
    """The nodes of an accelerator pool, one plan for each way they are bought; only the first keeps nodes that are always there."""
    machine = aws_machines()[args.machine]
    fabric, image = args.fabric == "efa", image_for(machine, args.family)
    devices = announced(machine, args)
    counted = {ACCELERATOR_LABEL: args.accelerator} if devices.get(NVIDIA) else {}
    labels = {POOL_LABEL: name, **counted, **({FABRIC_LABEL: "efa"} if fabric else {})}
    labels |= set_up_by_operator(name, args) if args.family == "al2023" else operator_labels(image)
    return tuple(
        NodePlan(
            role=f"pool-{name}-{role}",
            machines=(args.machine, *args.machines) if isinstance(capacity, str) else (args.machine,),
            image=image,
            capacity=capacity,
            min=args.min if position == 0 else 0,
            first=args.desired if position == 0 else None,
            max=args.most[position],
            threads=args.threads_per_core,
            disk_gib=args.disk.gib,
            zones=zones_for(capacity, args.stated or zones),
            labels=labels,
            pods=args.most_pods,
            taints=(taint_of(machine),),
            release=args.image_release,
            version=args.version,
            fabric=fabric,
            paged=paged(args),
            close=args.close and way_of(capacity) != "capacity-block",
            nvme=args.striped,
            parallel=args.image_pull == "parallel",
            plugin=args.share.bottlerocket if args.share and args.family == "bottlerocket" else {},
            devices=devices,
        )
        for position, (capacity, role) in enumerate(zip(args.capacity, roles(args.capacity), strict=True))
    )


def paged(args: GpuPoolArgs) -> bool:
    """Whether pods of the pool may ask for huge pages.

    Karpenter computes what a machine will have from EC2's own facts, and huge pages are not among them: a pod that asks for some never
    gets a node. Source: karpenter-provider-aws v1.14.1, pkg/providers/instancetype/types.go; karpenter-provider-aws#3315.
    """
    return args.karpenter is None


def announced(machine: Machine, args: GpuPoolArgs) -> Mapping[str, int]:
    """Extended resources that device plugins announce on a node of a pool, with how many of each."""
    share, count = args.share, int(machine.accelerators)
    fabric = {FABRIC: machine.efa_max} if args.fabric == "efa" else {}
    if machine.neuron:
        cores = {} if machine.accelerator in GROUPED_CORES else {CORES: count * machine.cores}
        return {machine.resource: count, **cores, **fabric}
    # A GPU that is cut and announced by profile is no nvidia.com/gpu any more, though the machine type has some.
    return {NVIDIA: 0, share.resource: share.per_node, **fabric} if share else {NVIDIA: count, **fabric}


def set_up_by_operator(name: str, args: GpuPoolArgs) -> Mapping[str, str]:
    """Labels by which the GPU operator cuts and shares the GPUs of a node as its pool says."""
    return {**args.share.node_labels, PLUGIN_CONFIG_LABEL: name} if args.share else {}


def taint_of(machine: Machine) -> Taint:
    """What keeps pods away that ask for no accelerator."""
    return Taint(machine.resource, "true", "NoSchedule")


def accelerator_pool(name: str, args: GpuPoolArgs) -> AcceleratorPool:
    """The pool as a workload needs to know it."""
    machine = aws_machines()[args.machine]
    pages, told = (HUGE_PAGES * PAGE_MIB, {}) if paged(args) else (0, NO_HUGE_PAGES)
    fabric = Fabric(FABRIC, machine.efa_max, pages, told) if args.fabric == "efa" else None
    share = args.share
    return AcceleratorPool(
        name=name,
        machine=args.machine,
        accelerator=args.accelerator,
        resource=share.resource if share else machine.resource,
        per_node=share.per_node if share else int(machine.accelerators),
        memory_mib=share.memory_mib if share else machine.accelerator_memory_mib,
        node_labels={POOL_LABEL: name},
        taints=(taint_of(machine),),
        max_nodes=sum(args.most),
        capacity=tuple(map(way_of, args.capacity)),
        fabric=fabric,
        sharing=share.contract if share else None,
    )
