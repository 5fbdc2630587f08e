"""Machine types: processors, memory, accelerators, network cards; read from a sourced table, never typed by hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache

from components.catalogue.devices import RESOURCES, devices
from components.catalogue.tables import rows

SOLD = {"o": "on-demand", "s": "spot", "b": "capacity-block"}


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """One network card of a machine. `interfaces`: most network interfaces it takes. `efa`: whether one of them may be an EFA."""

    interfaces: int
    efa: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine type of EC2."""

    name: str
    architecture: str
    """x86_64 | arm64."""
    vcpus: int
    """Processors that its system sees: cores by the threads that run on each."""
    cpu_cores: int
    """Physical cores."""
    threads: tuple[int, ...]
    """Threads that each core may be started with; empty where EC2 takes no CPU options."""
    memory_mib: int
    accelerator: str
    """Lower-case model, such as l40s; "" when there is none."""
    accelerators: float
    """Devices on one machine; below 1 is a share of one device."""
    accelerator_memory_mib: int
    """Memory of one device."""
    cores: int
    """NeuronCores of one device; 0 for other accelerators."""
    cards: tuple[NetworkCard, ...]
    """In the order of their index."""
    addresses: int
    """Private IPv4 addresses of one network interface, its own among them."""
    nitro: bool
    """Whether addresses can be given to it as whole prefixes; bare metal is not counted."""
    efa_max: int
    """Most EFA interfaces; 0 for a machine without EFA."""
    nvme_gb: int
    """Decimal gigabytes of all local NVMe disks together; 0 for none."""
    nvme_disks: int
    sold: frozenset[str]
    """How EC2 sells it: on-demand, spot, capacity-block."""

    @property
    def resource(self) -> str:
        """The extended resource of one whole device, such as nvidia.com/gpu; "" without accelerator."""
        return RESOURCES[devices()[self.accelerator].vendor] if self.accelerator else ""

    def with_threads(self, threads: int | None) -> "Machine":
        """The machine as its system sees it with so many threads on each core; None is as EC2 starts it."""
        return self if threads is None else replace(self, vcpus=self.cpu_cores * threads)

    @property
    def neuron(self) -> bool:
        """Whether its accelerators are Trainium or Inferentia."""
        return self.accelerator in NOT_NVIDIA


NOT_NVIDIA = frozenset(device.name for device in devices().values() if device.vendor != "nvidia")


def _cards(text: str) -> tuple[NetworkCard, ...]:
    """Cards from runs such as "1x4 16x4e"."""
    cards: list[NetworkCard] = []
    for run in text.split():
        count, most = run.removesuffix("e").split("x")
        cards += [NetworkCard(int(most), run.endswith("e"))] * int(count)
    return tuple(cards)


def _row(fields: Mapping[str, str]) -> Machine:
    return Machine(
        name=fields["machine"],
        architecture=fields["architecture"],
        vcpus=int(fields["vcpus"]),
        cpu_cores=int(fields["cpu_cores"]),
        threads=tuple(map(int, fields["threads"].split())),
        memory_mib=int(fields["memory_mib"]),
        accelerator=fields["accelerator"],
        accelerators=float(fields["accelerators"] or 0),
        accelerator_memory_mib=int(fields["accelerator_memory_mib"] or 0),
        cores=int(fields["cores"] or 0),
        cards=_cards(fields["cards"]),
        addresses=int(fields["addresses"]),
        nitro=fields["hypervisor"] == "nitro",
        efa_max=int(fields["efa_max"]),
        nvme_gb=int(fields["nvme_gb"]),
        nvme_disks=int(fields["nvme_disks"]),
        sold=frozenset(SOLD[way] for way in fields["sold"]),
    )


@cache
def aws_machines() -> Mapping[str, Machine]:
    """Every EC2 machine type of the current generation by name."""
    return {machine.name: machine for machine in map(_row, rows("aws_machines"))}


@cache
def aws_accelerators(*, neuron: bool = False) -> frozenset[str]:
    """Accelerators that at least one machine fit for a pool has; Trainium and Inferentia only when asked for."""
    return frozenset(m.accelerator for m in aws_machines().values() if not unfit(m, neuron=neuron))


def unfit(machine: Machine, *, neuron: bool = False) -> str:
    """Why nodes of this type cannot form a pool, or "" when they can. `neuron`: whether the pool can be of Trainium or Inferentia."""
    if not machine.accelerator:
        return f"{machine.name} has no accelerator"
    if machine.neuron and not neuron:
        return f"{machine.name} has {machine.accelerator}, which is not an NVIDIA GPU"
    if machine.accelerators < 1:
        return f"{machine.name} has a share of one {machine.accelerator}, not a whole GPU"
    return ""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known name most like `name`, or "" when none is alike."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
