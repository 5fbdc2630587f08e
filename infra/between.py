"""Judgements that hold between parts of a stack file: what fits a node, what overlaps, what looks alike. Pure functions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from components.contracts import Sharing
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.serving.engines import VllmEngine
from components.spec import Problem

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


def misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Why one replica does not fit a node, by path within the endpoint."""
    if node.sharing and endpoint.gpus > 1:
        yield ("gpus",), f"is more than the one share that a pod of pool {endpoint.pool} can use: set 1, or name a pool of whole GPUs"
    elif endpoint.gpus > node.gpus:
        yield ("gpus",), f"is more than one node of pool {endpoint.pool} has, {node.gpus:g}"
    elif node.gpus % endpoint.gpus:
        yield ("gpus",), f"does not divide the {node.gpus:g} of a node of pool {endpoint.pool}: the rest would stand idle"
    else:
        yield from _memory_misfits(endpoint, node)
    if node.cpu is not None and endpoint.cpu >= node.cpu:
        yield ("cpu",), f"leaves a node of pool {endpoint.pool} nothing for the system: it has {node.cpu}"
    if node.memory is not None and endpoint.memory.value >= node.memory:
        yield ("memory",), f"leaves a node of pool {endpoint.pool} nothing for the system: it has {node.memory / 2**30:.4g}GiB"


def _memory_misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Why weights do not fit, or why an engine takes what its neighbours on the same GPU count on."""
    share, sees = endpoint.engine.memory_share, node.sharing.sees if node.sharing else 1
    takes = min(node.gpu_memory, node.gpu_memory * sees * share // 10_000)
    if isinstance(endpoint.engine, VllmEngine) and share * sees > 10_000:
        text = f"is {endpoint.engine.gpu_memory} of the whole GPU, which {sees} pods of pool {endpoint.pool} share"
        yield ("engine", "gpu_memory"), f"{text}: set {100 // sees}% or less, or name a pool of whole GPUs or of MIG"
    elif endpoint.weights.value > endpoint.gpus * takes:
        have = f"{endpoint.gpus} x {node.gpu_memory * sees / 2**30:.4g}GiB at {share / 100:g}%"
        yield ("weights",), f"do not fit the GPUs of one replica, {have}: take more GPUs, or a pool with larger ones"


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
