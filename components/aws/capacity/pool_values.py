"""Values and checks that pools of every kind share: counts, disks, image releases, pods of a node."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from components.accelerators import Machine, aws_machines
from components.aws.capacity.density import most_pods
from components.spec import Problem, Size

POOL_LABEL = "groundwork.dev/pool"
"""On every node: the name of its pool."""


def _disk(size: Size) -> Size:
    if size.value % 2**30 or not 20 <= size.gib <= 16_384:
        raise ValueError('must be whole GiB between 20GiB and 16TiB, such as "200GiB"')
    return size


Disk = Annotated[
    Size,
    AfterValidator(_disk),
    Field(description="Data volume of each node, for images and scratch."),
]
"""Size of a gp3 volume in whole GiB; its description is that of the field `disk` of every pool."""
Count = Annotated[int, Field(ge=0, le=450)]
"""Nodes of a managed node group; EKS allows 450 by default."""
Pods = Annotated[int, Field(ge=8, le=250)]
"""Pods of one node; 250 is the most that managed node groups allow."""
ImageRelease = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+-([0-9a-f]{8}|20[0-9]{6})$")]
"""Release of a node image: Bottlerocket's ends in a commit, one of Amazon Linux 2023 in a day."""


def dated(release: str) -> bool:
    """Whether a release is of Amazon Linux 2023."""
    day = release.rpartition("-")[2]
    return day.isdigit() and day.startswith("20")


def no_substitute(other: Machine, first: Machine) -> str:
    """Why nodes of another type cannot be in one pool with the first, or "" when they can."""
    if other.accelerator != first.accelerator or other.accelerators != first.accelerators:
        have = f"{other.accelerators:g} {other.accelerator}" if other.accelerator else "no accelerator"
        return f"it has {have}, not {first.accelerators:g} {first.accelerator}"
    if other.architecture != first.architecture:
        return f"it is {other.architecture}, and images for {first.architecture} do not run on it"
    if other.vcpus < first.vcpus or other.memory_mib < first.memory_mib:
        return "it has less CPU or memory, so that a pod which fits the first may not fit it"
    return ""


def too_many_pods(stated: int | None, machines: Sequence[str], threads: int | None = None) -> Iterator[Problem]:
    """A problem when nodes cannot take the pods that are stated, with so many threads on each core."""
    if stated and all(name in aws_machines() for name in machines) and stated > (most := most_pods(machines, threads=threads)):
        yield Problem(("pods",), f"is {stated}, and a node of {' or '.join(machines)} takes {most}: set pods: {most} or fewer")


def unordered(least: int, desired: int | None, most: int) -> Iterator[Problem]:
    """Problems of a pool whose numbers of nodes contradict each other."""
    if least > most:
        yield Problem(("min",), f"is {least}, more than max ({most})")
    elif desired is not None and not least <= desired <= most:
        text = f"is {desired}, and must be from min ({least}) to max ({most})"
        yield Problem(("desired",), text)
