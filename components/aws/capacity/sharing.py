"""GPU sharing by MIG, time-slicing or MPS. Pure functions from a choice and a machine to what nodes announce.

Sources: NVIDIA MIG user guide; NVIDIA device plugin, "Shared access to GPUs"; Bottlerocket settings.kubelet-device-plugins (1.54);
NVIDIA/gpu-operator, "Time-slicing", "Multi-Process Service" and "GPU Operator with MIG".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field

from components.accelerators import Machine
from components.catalogue.tables import rows
from components.contracts import Sharing
from components.spec import Spec

ImageFamily = Literal["bottlerocket", "al2023"]
Replicas = Annotated[int, Field(ge=2, le=48)]
"""Shares of one GPU; NVIDIA's MPS takes 48 clients on one device, and 60 after CUDA 13.0.

Source: NVIDIA MPS documentation, "Client-Server Connection Limits", as public copies quote it.
"""
UTILISATION = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
"""What tells how busy a share of a GPU is: DCGM_FI_DEV_GPU_UTIL is not there under MIG (NVIDIA/dcgm-exporter#216)."""


class MigSharing(Spec):
    """Every GPU of the pool cut into equal parts by the hardware, each with memory and faults of its own."""

    kind: Literal["mig"]
    """Which way of sharing this is."""
    profile: Annotated[str, Field(pattern=r"^[1-7]g\.[0-9]{1,3}gb$")]
    """The part, such as 1g.10gb: sevenths of the GPU's engines, and its memory."""
    strategy: Literal["single", "mixed"] = "single"
    """How parts are announced: single as nvidia.com/gpu, mixed by their profile, such as nvidia.com/mig-1g.10gb."""


class TimeSlicing(Spec):
    """Pods take turns on whole GPUs. No memory is set apart and no fault is kept from the others: for trusted work that is small."""

    kind: Literal["time-slicing"]
    """Which way of sharing this is."""
    replicas: Replicas
    """Pods that share one GPU."""


class MpsSharing(Spec):
    """Pods run on whole GPUs at once, each with a limit of memory and threads that NVIDIA's MPS keeps. A fault of one ends all of them."""

    kind: Literal["mps"]
    """Which way of sharing this is."""
    replicas: Replicas
    """Pods that share one GPU."""


SharingArgs = Annotated[MigSharing | TimeSlicing | MpsSharing, Field(discriminator="kind")]
"""How the GPUs of a pool are shared."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One MIG profile of one GPU."""

    name: str
    instances: int
    """How many fit one GPU."""
    bottlerocket: str
    """The GPU's name in Bottlerocket's settings; "" where Bottlerocket does not cut it."""

    @property
    def memory_mib(self) -> int:
        """Memory of one part: its name read as decimal gigabytes, which is no more than what the driver lists for it."""
        return int(self.name.partition(".")[2].removesuffix("gb")) * 10**9 // 2**20


@cache
def profiles(accelerator: str, device_memory_mib: int) -> Mapping[str, Profile]:
    """MIG profiles of a GPU by name; empty for one that MIG does not cut, or that no table lists."""
    return {
        row["profile"]: Profile(row["profile"], int(row["instances"]), row["bottlerocket"])
        for row in rows("mig_profiles")
        if (row["accelerator"], int(row["device_memory_mib"])) == (accelerator, device_memory_mib)
    }


@cache
def mig_accelerators() -> tuple[str, ...]:
    """GPUs that have MIG profiles here."""
    return tuple(sorted({row["accelerator"] for row in rows("mig_profiles")}))


def problems(
    args: SharingArgs, machine: Machine, family: ImageFamily, *, fabric: bool, told: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Why the GPUs of a machine cannot be shared this way, by path within the sharing.

    `told` is whether what starts nodes is told what they will announce: the cluster autoscaler is, by tags of node groups.
    """
    if machine.neuron:
        yield (), f"is for NVIDIA GPUs, and {machine.name} has {machine.accelerator}, whose cores pods ask for one by one: remove it"
        return
    if fabric:
        yield (), "does not go with fabric: efa, since work that spans nodes takes whole GPUs: remove it, or set fabric: none"
    if isinstance(args, MigSharing):
        yield from _mig_problems(args, machine, family)
        if args.strategy == "mixed" and family == "al2023" and not told:
            text = f"is mixed, and Karpenter does not know that a new node announces nvidia.com/mig-{args.profile}"
            yield ("strategy",), f"{text}: remove karpenter, or set strategy: single"


def _mig_problems(args: MigSharing, machine: Machine, family: ImageFamily) -> Iterator[tuple[tuple[str, ...], str]]:
    known = profiles(machine.accelerator, machine.accelerator_memory_mib)
    profile = known.get(args.profile)
    if not known:
        yield (), f"is mig, which does not cut {machine.accelerator}; it cuts {', '.join(mig_accelerators())}: take time-slicing or mps"
    elif profile is None:
        yield ("profile",), f"is {args.profile}, which {machine.accelerator} does not have; it has {', '.join(known)}"
    elif family == "bottlerocket" and not profile.bottlerocket:
        yield (), f"is mig, and Bottlerocket does not cut {machine.accelerator}: set image: al2023, or take time-slicing or mps"
    if family == "bottlerocket" and args.strategy == "mixed":
        text = "is mixed, and Bottlerocket announces parts as nvidia.com/gpu only (bottlerocket#4483)"
        yield ("strategy",), f"{text}: set strategy: single, or image: al2023"


@dataclass(frozen=True, slots=True)
class Share:
    """What the nodes of a shared pool announce, and what must be set for it."""

    resource: str
    """The extended resource of one share."""
    per_node: int
    """Shares of one node."""
    memory_mib: int
    """Memory that one share can count on."""
    contract: Sharing
    node_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels by which the GPU operator's parts set a node up; Bottlerocket needs none."""
    bottlerocket: Mapping[str, Any] = field(default_factory=dict)
    """settings.kubelet-device-plugins.nvidia."""
    plugin: Mapping[str, Any] = field(default_factory=dict)
    """Configuration file of NVIDIA's device plugin, for images without one of their own."""


def share(args: SharingArgs, machine: Machine) -> Share:
    """What a machine announces under a sharing that has no problems. Raises KeyError for a profile that the GPU does not have."""
    match args:
        case MigSharing():
            return _mig(args, machine)
        case TimeSlicing():
            return _replicas(machine, "time-slicing", "timeSlicing", args.replicas, TAKING_TURNS)
        case MpsSharing():
            return _replicas(machine, "mps", "mps", args.replicas, SIDE_BY_SIDE)


COUNTED = "what starts nodes counts whole GPUs, so it starts more at once than the shares need"
"""What follows where Karpenter or Auto Mode makes nodes; the cluster autoscaler is told of shares by tags."""
CUT = (
    "each share has memory and faults of its own",
    f"DCGM_FI_DEV_GPU_UTIL is not reported: watch {UTILISATION}",
    "a pod can use one share only, and shares reach no other GPU over NVLink",
    "another profile takes effect when a node starts, so nodes are replaced",
)
TAKING_TURNS = (
    "no memory is set apart: one pod can take all of a GPU's, and a fault of one ends the others",
    "metrics are of whole GPUs and name no pod",
)
SIDE_BY_SIDE = (
    "memory and threads are limited for each pod, but a fault of one ends all that share its GPU",
    "metrics are of whole GPUs and name no pod",
)


def _mig(args: MigSharing, machine: Machine) -> Share:
    profile = profiles(machine.accelerator, machine.accelerator_memory_mib)[args.profile]
    mixed = args.strategy == "mixed"
    settings = {"device-partitioning-strategy": "mig", "mig": {"profile": {profile.bottlerocket: profile.name}}}
    return Share(
        resource=f"nvidia.com/mig-{profile.name}" if mixed else machine.resource,
        per_node=int(machine.accelerators) * profile.instances,
        memory_mib=profile.memory_mib,
        contract=Sharing("mig", profile.instances, "hardware", 1, CUT),
        node_labels={"nvidia.com/mig.config": f"all-{profile.name}"},
        bottlerocket=settings if profile.bottlerocket else {},
        plugin={"version": "v1", "flags": {"migStrategy": args.strategy}},
    )


def _replicas(machine: Machine, kind: Literal["time-slicing", "mps"], word: str, replicas: int, consequences: tuple[str, ...]) -> Share:
    # Under another name Karpenter would start no node for the pods: it knows a new node's GPUs as nvidia.com/gpu.
    own: dict[str, Any] = {"replicas": replicas, "rename-by-default": False}
    shared: dict[str, Any] = {"renameByDefault": False, "resources": [{"name": machine.resource, "replicas": replicas}]}
    if kind == "time-slicing":
        own["fail-requests-greater-than-one"] = shared["failRequestsGreaterThanOne"] = True
    isolation: Literal["limits", "none"] = "limits" if kind == "mps" else "none"
    return Share(
        resource=machine.resource,
        per_node=int(machine.accelerators) * replicas,
        memory_mib=machine.accelerator_memory_mib // replicas,
        contract=Sharing(kind, replicas, isolation, replicas, consequences),
        bottlerocket={"device-sharing-strategy": kind, kind: own},
        plugin={"version": "v1", "sharing": {word: shared}},
    )
