"""Footprints of add-ons: how many pods of which size stand where. Pure functions over the add-on table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Any, Literal, cast

from components.kubernetes.addons.table import document

NodeKind = Literal["all", "nvidia", "neuron", "efa"]
"""Nodes that each have a pod of a daemon set: all of them, or those with such devices, whatever keeps others away."""


@dataclass(frozen=True, slots=True)
class Pods:
    """Equal pods of one add-on."""

    name: str
    """Unique in the cluster."""
    cpu: int
    """Millicores that each asks for."""
    memory: int
    """MiB that each asks for."""
    replicas: int = 0
    """How many there are; 0 where each node of a kind has one."""
    nodes: NodeKind | None = None
    """The kind of nodes that each have one; None where `replicas` says how many there are."""
    on: Mapping[str, str] = field(default_factory=dict)
    """Labels that their nodes must have."""
    apart: bool = False
    """Whether no two of them share a node."""


def pods_of(name: str, rows: Iterable[Mapping[str, Any]], values: Mapping[str, Any]) -> tuple[Pods, ...]:
    """Pods of an add-on, given all that its chart is told."""
    return tuple(_pods(name, row, values) for row in rows)


def _pods(addon: str, row: Mapping[str, Any], values: Mapping[str, Any]) -> Pods:
    sizes = [cast(Mapping[str, Any], _at(values, path))["requests"] for path in row.get("size", ())]
    asks = row.get("asks", {})
    replicas = row.get("replicas", 0)
    return Pods(
        f"{addon}-{row['pods']}",
        cpu=asks.get("cpu", 0) + sum(millicores(size["cpu"]) for size in sizes),
        memory=asks.get("memory", 0) + sum(mebibytes(size["memory"]) for size in sizes),
        replicas=replicas if isinstance(replicas, int) else int(_at(values, replicas)),
        nodes=row.get("nodes"),
        on=_at(values, row["labels"]) if "labels" in row else {},
        apart=row.get("apart", False),
    )


def _at(values: Mapping[str, Any], path: str) -> Any:
    return reduce(lambda held, key: held[key], path.split("."), values)


def millicores(quantity: str) -> int:
    """A quantity of CPU as Kubernetes writes it: "100m" is 100, "2" is 2000."""
    return int(quantity[:-1]) if quantity.endswith("m") else int(quantity) * 1000


def mebibytes(quantity: str) -> int:
    """A quantity of memory in Mi or Gi: "2Gi" is 2048."""
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


@cache
def managed(name: str) -> tuple[Pods, ...]:
    """Pods of an add-on that the cloud installs itself. Raises KeyError for one without a row."""
    return pods_of(name, document()["managed"][name]["footprint"], {})


def on_node(pods: Iterable[Pods], kinds: Sequence[NodeKind]) -> tuple[int, int]:
    """Millicores and MiB that daemon sets take from a node of the given kinds; `all` need not be named."""
    there = [each for each in pods if each.nodes in ("all", *kinds)]
    return sum(each.cpu for each in there), sum(each.memory for each in there)
