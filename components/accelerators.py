"""What is known of machine types: processors, memory, accelerators; read from a sourced table, never typed by hand."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine type of EC2."""

    name: str
    architecture: str
    """x86_64 | arm64."""
    vcpus: int
    memory_mib: int
    accelerator: str
    """Lower-case model, such as l40s; "" when there is none."""
    accelerators: float
    """Devices on one machine; below 1 is a share of one device."""
    accelerator_memory_mib: int
    """Memory of one device."""


NOT_NVIDIA = frozenset({"inferentia", "inferentia2", "trainium", "trainium2"})
NEEDS_OWN_IMAGE = {"rtx-pro-4500": "needs NVIDIA driver 595, which no EKS image carries"}
"""Accelerator to reason. Source: EKS optimised accelerated AMI notes quoted in NVIDIA/aicr#2743, read 2026-11-23."""


def _row(fields: Mapping[str, str]) -> Machine:
    return Machine(
        name=fields["machine"],
        architecture=fields["architecture"],
        vcpus=int(fields["vcpus"]),
        memory_mib=int(fields["memory_mib"]),
        accelerator=fields["accelerator"],
        accelerators=float(fields["accelerators"] or 0),
        accelerator_memory_mib=int(fields["accelerator_memory_mib"] or 0),
    )


@cache
def aws_machines() -> Mapping[str, Machine]:
    """Every EC2 machine type of the current generation by name."""
    with (DATA / "aws_machines.csv").open(encoding="utf-8") as table:
        rows = csv.DictReader(line for line in table if not line.startswith("#"))
        return {machine.name: machine for machine in map(_row, rows)}


@cache
def aws_accelerators() -> frozenset[str]:
    """Accelerators that at least one machine fit for a GPU pool has."""
    return frozenset(m.accelerator for m in aws_machines().values() if not unfit(m))


def unfit(machine: Machine) -> str:
    """Why nodes of this type cannot form a GPU pool, or "" when they can."""
    if not machine.accelerator:
        return f"{machine.name} has no accelerator"
    if machine.accelerator in NOT_NVIDIA:
        return f"{machine.name} has {machine.accelerator}, which is not an NVIDIA GPU"
    if machine.accelerators < 1:
        return f"{machine.name} has a share of one {machine.accelerator}, not a whole GPU"
    if reason := NEEDS_OWN_IMAGE.get(machine.accelerator):
        return f"{machine.name} {reason}"
    return ""


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known name most like `name`, or "" when none is alike."""
    close = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""
