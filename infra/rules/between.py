"""Judgements that hold between parts of a stack file: what a node has, what overlaps, what looks alike. Pure functions."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network

from components.contracts import Sharing
from components.spec import Problem, Size
from infra.reading.faults import did_you_mean

LOOK_ALIKE = str.maketrans({"-": "", "0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z"})
"""Characters that are easily taken for one another, by one of each set."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one node of a GPU pool has, so far as the stack file tells. Sizes are in bytes, None is unknown.

    Where GPUs are shared, `gpus` counts shares and `gpu_memory` is what one of them can count on.
    """

    gpus: float
    gpu_memory: int
    nodes: int
    """Most nodes of the pool."""
    cpu: int | None = None
    memory: int | None = None
    sharing: Sharing | None = None
    least: int = 0
    """Nodes that are always there."""
    keeps: int = 0
    """Most nodes that the pool may be told to have there always, where that is a choice."""
    hourly: float | None = None
    """US dollars an hour for one node on demand; None where it is not known, or nobody is paid by the hour."""
    priced: str = ""
    """The region that the price is of, which may be another than the node's own."""
    fetches: int | None = None
    """Bytes of a container image that a node fetches each second; None is what is known of nodes elsewhere."""
    faster: int | None = None
    """The same with a setting of the pool that is not used; None where there is none."""
    kept: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Millicores and MiB that pods of the platform do not get, by who has them."""

    @property
    def millicores(self) -> int | None:
        """What is left of the processors."""
        return None if self.cpu is None else self.cpu * 1000 - sum(cpu for cpu, _ in self.kept.values())

    @property
    def room(self) -> int | None:
        """What is left of the memory, in bytes."""
        return None if self.memory is None else self.memory - sum(memory for _, memory in self.kept.values()) * 2**20


def bytes_of(size: Size | None) -> int | None:
    """The bytes of a size that may not be stated."""
    return size.value if size else None


def no_pool(name: str, known: Collection[str]) -> str:
    """That a pool is named which the cluster does not have, and which it has."""
    listed = f"pools are {', '.join(known)}" if known else "the cluster has none"
    return f"names no pool of the cluster: {did_you_mean(name, known) or listed}"


def overlapping(path: tuple[str, ...], ranges: Iterable[str], taken: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for each range that shares addresses with an earlier one or with one that is taken, by who takes it."""
    earlier = {f"{text} of {name}": ip_network(text) for name, text in taken.items()}
    for index, text in enumerate(ranges):
        network = ip_network(text)
        others = [name for name, other in earlier.items() if other.version == network.version and other.overlaps(network)]
        if others:
            yield Problem((*path, index), f"overlaps {others[0]}: remove it, or narrow it")
        earlier[text] = network


def repeated(field: str, values: Iterable[str]) -> Iterator[Problem]:
    """A problem for each value that stands twice."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Problem((field, index), f"names {value} twice: remove one")
        seen.add(value)


def look_alike(field: str, names: Iterable[str]) -> Iterator[Problem]:
    """A problem for each name that a reader would take for an earlier one."""
    seen: dict[str, str] = {}
    for name in names:
        earlier = seen.setdefault(name.translate(LOOK_ALIKE), name)
        if earlier != name:
            yield Problem((field, name), f"looks like {earlier}: give one of them another name")
