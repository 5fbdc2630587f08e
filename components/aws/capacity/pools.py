"""Arguments of node pools: machines, how they are bought, how many, where."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.accelerators import aws_accelerators, aws_machines, nearest, unfit
from components.aws.capacity.density import most_pods
from components.aws.capacity.fabric import efa_machines
from components.aws.capacity.karpenter_args import KarpenterPoolArgs
from components.aws.capacity.plan import (
    Capacity,
    CapacityBlock,
    GroupedReservations,
    ReservedCapacity,
    TaggedReservations,
    held,
    key_of,
)
from components.aws.capacity.pool_args import NodesArgs, PoolArgs, unsold
from components.aws.capacity.pool_values import Disk, ImageRelease, dated
from components.aws.capacity.sharing import Share, SharingArgs, share
from components.aws.capacity.sharing import problems as sharing_problems
from components.aws.capacity.threads import KARPENTER
from components.aws.cluster.compatibility import image_for
from components.aws.values import KubernetesMinor
from components.spec import Many, Problem, Size, rule


class SystemPoolArgs(NodesArgs):
    """Nodes for what every cluster runs beside its workloads; no accelerators."""

    min: Annotated[int, Field(ge=1, le=450)] = 2
    """Nodes that are always there."""
    max: Annotated[int, Field(ge=1, le=450)] = 4
    """Most nodes that an autoscaler may ask for."""
    disk: Disk = Size("50GiB")

    @rule("machine")
    def _fits(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            yield Problem(("machine",), f"is not an EC2 machine type known here{nearest(self.machine, aws_machines())}")
        elif known.accelerator:
            yield Problem(("machine",), f"has {known.accelerator} accelerators; the system pool takes machines without, such as m7i.large")


class GpuPoolArgs(PoolArgs):
    """Equal accelerated nodes, of NVIDIA GPUs, Trainium or Inferentia, that workloads can ask for by the pool's name."""

    accelerator: str
    """The accelerator, such as l40s, h100 or trainium2; it must be the one the machine has."""
    capacity: Annotated[Many[Capacity], Field(min_length=1, max_length=8)] = ("on-demand",)
    """How nodes are bought, in order of preference: reservations, capacity blocks, on-demand, spot."""
    fabric: Literal["efa", "none"] = "none"
    """How nodes reach one another: efa gives every interface of the machine's fabric, none gives ordinary networking."""
    placement: Literal["cluster", "none"] | None = None
    """Whether nodes stand close together, in a cluster placement group of one zone; absent is cluster where there is a fabric."""
    scratch: Literal["nvme", "disk"] | None = None
    """Where images and scratch are: on the machine's local NVMe disks, striped, or on the data volume. Absent is nvme if it has them."""
    disk: Disk = Size("200GiB")
    image_pull: Literal["parallel", "serial"] = "serial"
    """How nodes fetch container images: parallel takes many pieces of all layers at once (SOCI), serial layer by layer. A data volume that
    images are on gets 16,000 IOPS and 1,000 MiB/s for it. Auto Mode does so by itself where machines have local disks."""
    image: Literal["bottlerocket", "al2023"] | None = None
    """Family of the node image: Bottlerocket, which announces its GPUs itself, or Amazon Linux 2023, for which the GPU operator does.
    Absent is Bottlerocket for GPUs, and al2023 for Trainium and Inferentia, which have no other."""
    image_release: ImageRelease | None = None
    """Release of the node image to hold: Bottlerocket's, such as 1.50.0-1a2b3c4d, or one of Amazon Linux 2023, such as 1.34.1-20251112.
    Absent follows the cluster's."""
    version: KubernetesMinor | None = None
    """Kubernetes version of the nodes while the control plane is ahead, as for training that may not be disturbed: three minors at most.
    Absent follows the cluster's."""
    cuda: Annotated[int, Field(ge=11, le=20)] | None = None
    """Major version of CUDA that containers of the pool are built for, such as 13; drivers of the image must know it. Absent is not
    judged."""
    sharing: SharingArgs | None = None
    """How several pods share one GPU; absent gives each GPU to one pod."""
    karpenter: KarpenterPoolArgs | None = None
    """Lets Karpenter make the pool's nodes, instead of managed node groups and the cluster autoscaler."""

    @property
    def most_pods(self) -> int:
        """Most pods of a node."""
        bought = any(isinstance(capacity, str) for capacity in self.capacity)
        return self.pods or most_pods(self.types if bought else [self.machine], threads=self.threads_per_core)

    @property
    def family(self) -> Literal["bottlerocket", "al2023"]:
        """Family of the node image."""
        known = aws_machines().get(self.machine)
        return self.image or ("al2023" if known and known.neuron else "bottlerocket")

    def held(self, release: str | None) -> str | None:
        """Release that its images are held at: its own, or the cluster's `release`, which is one of Bottlerocket; None takes the newest."""
        return self.image_release or (release if self.family == "bottlerocket" else None)

    @property
    def striped(self) -> bool:
        """Whether images and scratch are on local disks."""
        known = aws_machines().get(self.machine)
        return bool(known and known.nvme_disks) if self.scratch is None else self.scratch == "nvme"

    @property
    def share(self) -> Share | None:
        """What nodes announce of shared GPUs; None where GPUs are not shared, or cannot be in this way."""
        known = aws_machines().get(self.machine)
        if self.sharing is None or known is None or any(sharing_problems(self.sharing, known, self.family, fabric=False, told=True)):
            return None
        return share(self.sharing, known)

    @property
    def stated(self) -> tuple[str, ...]:
        """Zones the pool names, itself or by its reservations; empty when it takes those of the site."""
        return self.zones or tuple(dict.fromkeys(c.zone for c in self.capacity if not isinstance(c, str)))

    @property
    def close(self) -> bool:
        """Whether its nodes stand in a cluster placement group, but for those of capacity blocks, which are close as they are."""
        return self.placement == "cluster" or (self.placement is None and self.fabric == "efa")

    @property
    def most(self) -> tuple[int, ...]:
        """Most nodes of each capacity."""
        return tuple(min(self.max, own) if (own := held(capacity)) is not None else self.max for capacity in self.capacity)

    @rule("machine")
    def _machine_fits(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            fit = [name for name, machine in aws_machines().items() if not unfit(machine, neuron=True)]
            yield Problem(("machine",), f"is not an EC2 machine type known here{nearest(self.machine, fit)}")
        elif reason := unfit(known, neuron=True):
            yield Problem(("machine",), f"cannot be in an accelerator pool: {reason}")

    @rule("accelerator")
    def _accelerator_known(self) -> Iterator[Problem]:
        known = aws_accelerators(neuron=True)
        if self.accelerator not in known:
            yield Problem(("accelerator",), f"must be one of {', '.join(sorted(known))}{nearest(self.accelerator, known)}")

    @rule("accelerator", "machine")
    def _agree(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if not known or unfit(known, neuron=True) or self.accelerator not in aws_accelerators(neuron=True):
            return
        if known.accelerator != self.accelerator:
            every = aws_machines().items()
            fit = ", ".join(sorted(n for n, m in every if m.accelerator == self.accelerator and not unfit(m, neuron=True)))
            yield Problem(("accelerator",), f"is {self.accelerator}, but {self.machine} has {known.accelerator}; machines with it: {fit}")

    @rule("machine", "machines", "capacity", "fabric")
    def _alternatives_are_bought(self) -> Iterator[Problem]:
        if self.machines and self.fabric == "efa":
            yield Problem(("machines",), "differ in their network interfaces, and fabric is efa: remove them, or set fabric: none")
        elif self.machines and not any(isinstance(capacity, str) for capacity in self.capacity):
            yield Problem(("machines",), "are never bought: add on-demand or spot to capacity, or remove them")

    @rule("machine", "capacity")
    def _sold_this_way(self) -> Iterator[Problem]:
        yield from unsold(self.machine, self.capacity)

    @rule("machine", "fabric")
    def _has_fabric(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if self.fabric == "efa" and known and not known.efa_max:
            fit = ", ".join(efa_machines(known.accelerator) or efa_machines(""))
            yield Problem(("fabric",), f"is efa, and {self.machine} has none: set fabric: none, or take a machine that has it: {fit}")

    @rule("machine", "scratch")
    def _has_scratch(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if self.scratch == "nvme" and known and not known.nvme_disks:
            yield Problem(("scratch",), f"is nvme, and {self.machine} has no local disks: set scratch: disk")

    @rule("desired", "capacity", "karpenter")
    def _wanted_size_is_held(self) -> Iterator[Problem]:
        own = held(self.capacity[0]) if self.capacity else None
        if self.desired and self.karpenter is not None:
            text = f"is {self.desired}, and Karpenter starts nodes as pods ask for them: remove it"
            yield Problem(("desired",), text)
        elif self.desired and self.capacity and isinstance(self.capacity[0], CapacityBlock):
            text = f"is {self.desired}, and before {self.capacity[0].start} the block starts no node"
            yield Problem(("desired",), f"{text}: remove it, nodes come when pods ask")
        elif self.desired and own is not None and self.desired > own:
            text = f"is {self.desired}, and the first capacity holds {own}: lower it"
            yield Problem(("desired",), text)

    @rule("capacity")
    def _capacity_once(self) -> Iterator[Problem]:
        keys = [key_of(capacity) for capacity in self.capacity]
        if len(set(keys)) < len(keys):
            yield Problem(("capacity",), "names a capacity twice")

    @rule("zones")
    def _zones_once(self) -> Iterator[Problem]:
        if len(set(self.zones)) < len(self.zones):
            yield Problem(("zones",), "names a zone twice")

    @rule("capacity", "zones")
    def _where_it_is_held(self) -> Iterator[Problem]:
        for index, capacity in enumerate(self.capacity):
            if not isinstance(capacity, str) and self.zones and capacity.zone not in self.zones:
                text = f"is not among the pool's zones ({', '.join(self.zones)}), so its nodes would have no subnet: add it to zones"
                yield Problem(("capacity", index, "zone"), text)

    @rule("capacity", "zones", "fabric", "placement")
    def _one_zone(self) -> Iterator[Problem]:
        why = "fabric is efa, which does not leave its subnet" if self.fabric == "efa" else "placement is cluster"
        if (self.fabric == "efa" or self.close) and len(self.stated) != 1:
            named = f"are {', '.join(self.stated)}" if self.stated else "are not named, so that all of the site are used"
            yield Problem(("zones",), f"{named}, and {why}, which is one zone: name the one zone")

    @rule("capacity", "zones", "fabric", "placement", "group_per_zone", "karpenter")
    def _apart_by_zone(self) -> Iterator[Problem]:
        why = ""
        if self.karpenter is not None:
            why = "Karpenter starts each node in the zone that its pods need"
        elif len(self.stated) == 1 or self.fabric == "efa" or self.close:
            why = "the pool is in one zone, and has one group for it"
        if self.group_per_zone and why:
            yield Problem(("group_per_zone",), f"is true, and {why}: remove it")

    @rule("capacity", "fabric", "placement")
    def _made_together(self) -> Iterator[Problem]:
        for index, capacity in enumerate(self.capacity):
            apart = isinstance(capacity, ReservedCapacity) and self.close and capacity.placement_group is None
            if apart and self.fabric == "efa":
                text = "has a fabric, and instances are close only in the placement group that the reservation was made in: name that "
                text += "group in placement_group, or set placement: none"
                yield Problem(("capacity", index), text)
            elif apart:
                text = "is to stand in a placement group, and EC2 starts nothing there from a reservation made outside: name the group"
                yield Problem(("capacity", index), f"{text} that it was made in in placement_group, or set placement: none")
            elif isinstance(capacity, ReservedCapacity) and capacity.placement_group and not self.close:
                text = f"was made in {capacity.placement_group}, and placement is none: set placement: cluster, or remove placement_group"
                yield Problem(("capacity", index, "placement_group"), text)
        if self.placement == "cluster" and all(isinstance(capacity, CapacityBlock) for capacity in self.capacity):
            text = "is cluster, and instances of capacity blocks stand close together without a group, and cannot join one: remove it"
            yield Problem(("placement",), text)

    @rule("capacity", "min", "max")
    def _what_is_held_suffices(self) -> Iterator[Problem]:
        own = [held(capacity) for capacity in self.capacity]
        if not own:
            return
        if isinstance(self.capacity[0], CapacityBlock) and self.min:
            text = f"is {self.min}, and before {self.capacity[0].start} the block starts no node: set min: 0, nodes come when pods ask"
            yield Problem(("min",), text)
        elif own[0] is not None and self.min > own[0]:
            yield Problem(("min",), f"is {self.min}, and the first capacity holds {own[0]}: lower it")
        if None not in own and self.max > (most := max(filter(None, own))):
            text = f"is {self.max}, and no capacity holds more than {most}, so an autoscaler would ask in vain: set max: {most}"
            yield Problem(("max",), f"{text}, or add on-demand or spot")

    @rule("capacity", "karpenter")
    def _can_be_selected(self) -> Iterator[Problem]:
        for index, capacity in enumerate(self.capacity):
            which = capacity.reserved if isinstance(capacity, ReservedCapacity) else None
            if isinstance(which, TaggedReservations) and self.karpenter is None:
                text = "selects by tags, which a launch template cannot: name the reservation's id or a resource group, or add karpenter"
                yield Problem(("capacity", index, "reserved"), text)
            if isinstance(which, GroupedReservations) and self.karpenter is not None:
                text = "selects by resource group, which Karpenter cannot: name tags of the reservations or one id, or remove karpenter"
                yield Problem(("capacity", index, "reserved"), text)

    @rule("threads_per_core", "karpenter")
    def _threads_are_set_by_a_launch_template(self) -> Iterator[Problem]:
        if self.threads_per_core is not None and self.karpenter is not None:
            text = f"is {self.threads_per_core}, and {KARPENTER}: remove it, or karpenter"
            yield Problem(("threads_per_core",), text)

    @rule("machine", "karpenter", "min", "max", "capacity")
    def _karpenter_can(self) -> Iterator[Problem]:
        machine = aws_machines().get(self.machine)
        if self.karpenter is not None:
            yield from (Problem(path, text) for path, text in self.karpenter.problems(machine, self.min, self.max, len(self.capacity)))

    @rule("machine", "image", "image_release")
    def _image_of_its_family(self) -> Iterator[Problem]:
        linux = self.family == "al2023"
        if self.image_release and self.machine in aws_machines() and linux != dated(self.image_release):
            wanted = "Amazon Linux 2023, such as 1.34.1-20251112" if linux else "Bottlerocket, such as 1.50.0-1a2b3c4d"
            yield Problem(("image_release",), f"is no release of the image that {self.machine} runs: name one of {wanted}")

    @rule("machine", "image")
    def _image_drives(self) -> Iterator[Problem]:
        machine = aws_machines().get(self.machine)
        if machine and not unfit(machine, neuron=True):
            try:
                image_for(machine, self.family)
            except ValueError as error:
                yield Problem(("image",), f"is {self.family}, and {error}")

    @rule("machine", "image", "sharing", "fabric", "karpenter")
    def _can_be_shared(self) -> Iterator[Problem]:
        machine = aws_machines().get(self.machine)
        if self.sharing and machine and not unfit(machine, neuron=True):
            found = sharing_problems(self.sharing, machine, self.family, fabric=self.fabric == "efa", told=self.karpenter is None)
            yield from (Problem(("sharing", *path), text) for path, text in found)
