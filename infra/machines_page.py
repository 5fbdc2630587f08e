"""The page of accelerated machines and of what runs on them, made from the sourced tables."""

from collections.abc import Iterable, Sequence
from typing import Final

from components.accelerators import Machine, aws_machines
from components.aws.capacity.fabric import layout
from components.aws.capacity.sharing import mig_accelerators, profiles
from components.aws.cluster.versions import matrix
from components.catalogue.devices import devices
from components.catalogue.prices import on_demand

REGION: Final = "us-east-1"
LEAD: Final = f"""\
# Accelerated machines of EC2, and what runs on them

Made from the tables under components/data by `python -m infra.reference`; do not edit. Every row of a table there names its source;
"?" is unknown. Watts are the vendor's maximum of all devices of a machine together, without the rest of it. Prices are on-demand list
prices of {REGION} in USD an hour, each with the date of the table it was read from.
"""


def page() -> str:
    """The page as Markdown."""
    parts = [
        LEAD,
        "## Machines\n",
        _machines(),
        "## EFA\n",
        EFA_LEAD,
        _fabric(),
        "## MIG\n",
        MIG_LEAD,
        _mig(),
        "## Versions\n",
        _versions(),
    ]
    return "\n".join(parts)


def _accelerated() -> list[Machine]:
    return sorted((m for m in aws_machines().values() if m.accelerator), key=lambda m: (m.accelerator, m.vcpus, m.name))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; None is "?"."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join('?' if cell is None else str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _machines() -> str:
    head = (
        "machine",
        "accelerators",
        "memory of each",
        "vCPU",
        "memory",
        "network cards",
        "EFA",
        "NVMe",
        "watts",
        "USD/h",
        "as of",
        "sold",
    )
    return table(head, map(_machine, _accelerated()))


def _machine(machine: Machine) -> Sequence[object]:
    watts, price = devices()[machine.accelerator].board_watts, on_demand(machine.name, REGION)
    return (
        machine.name,
        f"{machine.accelerators:g} {machine.accelerator}",
        f"{machine.accelerator_memory_mib:,} MiB",
        machine.vcpus,
        f"{machine.memory_mib // 1024:,} GiB",
        len(machine.cards),
        machine.efa_max or "-",
        f"{machine.nvme_disks} x {machine.nvme_gb // machine.nvme_disks:,} GB" if machine.nvme_disks else "-",
        f"{watts * machine.accelerators:g}" if watts else None,
        f"{price.usd_per_hour:.2f}" if price else None,
        price.as_of if price else "",
        ", ".join(sorted(machine.sold)),
    )


EFA_LEAD: Final = """\
Network interfaces of one node, in the layout for managed node groups and in that for Karpenter, which takes no EFA with an address.
"""


def _fabric() -> str:
    fit = [machine for machine in _accelerated() if machine.efa_max]
    head = ("machine", "EFA", "interfaces in a node group", "interfaces with Karpenter", "most devices of a card")
    return table(head, map(_interfaces, fit))


def _interfaces(machine: Machine) -> Sequence[object]:
    counts = [len(layout(machine, karpenter=karpenter)) for karpenter in (False, True)]
    return machine.name, machine.efa_max, *counts, max(card.interfaces for card in machine.cards)


MIG_LEAD: Final = """\
Parts into which MIG cuts one GPU, with how many of them fit. Bottlerocket cuts those with a name in its settings.
"""


def _mig() -> str:
    gpus = sorted({(m.accelerator, m.accelerator_memory_mib) for m in _accelerated() if m.accelerator in mig_accelerators()})
    cut = ((gpu, memory, profiles(gpu, memory)) for gpu, memory in gpus)
    rows = (
        (
            gpu,
            f"{memory:,} MiB",
            ", ".join(f"{p.instances} x {p.name}" for p in known.values()),
            next(iter(known.values())).bottlerocket or "-",
        )
        for gpu, memory, known in cut
    )
    return table(("GPU", "memory", "parts", "Bottlerocket's name"), rows)


def _versions() -> str:
    rows = matrix()
    told = [
        table(
            ("Kubernetes", "standard support until", "extended support until"),
            ((row.minor, row.standard_until, row.extended_until) for row in rows.kubernetes),
        ),
        table(
            ("image", "announces its accelerators", "carries", "machines"),
            ((row.type, "yes" if row.plugin else "no", ", ".join(row.carries), ", ".join(row.machines)) for row in rows.images),
        ),
        table(
            ("release of", "since", "Kubernetes", "NVIDIA drivers"),
            ((row.family, row.since, ", ".join(row.minors or ("all",)), ", ".join(map(str, row.drivers))) for row in rows.releases),
        ),
        table(
            ("NVIDIA driver", "kind", "end of life", "CUDA", "drops"),
            ((row.branch, row.kind, row.end_of_life, row.cuda, ", ".join(row.drops) or "-") for row in rows.drivers),
        ),
        table(
            ("GPU operator", "status", "newest Kubernetes", "device plugin", "toolkit", "MIG manager", "DCGM exporter"),
            ((r.version, r.status, r.newest, r.device_plugin, r.toolkit, r.mig_manager, r.dcgm_exporter) for r in rows.operators),
        ),
        table(
            ("EFA installer", "date", "driver", "libfabric", "NCCL plugin", "tested with NCCL"),
            ((row.installer, row.date, row.driver, row.libfabric, row.ofi_nccl, row.nccl) for row in rows.efa),
        ),
    ]
    return "\n".join(told)
