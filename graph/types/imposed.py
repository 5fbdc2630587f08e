"""Needs that the cloud itself imposes before it makes a resource: what no program can have at once, however it is written."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from graph.model import Graph, Resource
from graph.types.tables import rows

PROVIDER: Final = "(provider)"
"""The property of rows whose edge runs through the resource's provider: an object of a cluster needs the cluster."""

Conditions = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Need:
    """One row. `needs` is the type needed, `by` the input that names it; without `by`, any resource of that type will do.

    `when` says by input which resources have the need, `where` which ones meet it: property to shell patterns.
    """

    needs: str
    by: str = ""
    when: Conditions = field(default_factory=dict)
    where: Conditions = field(default_factory=dict)


@cache
def of(token: str) -> tuple[Need, ...]:
    """What a type needs; rows may be for a pattern of types."""
    known = {"needs", "by", "when", "where"}
    found = [row for pattern, needs in rows("imposed").items() if fnmatchcase(token, pattern) for row in needs]
    return tuple(Need(**{name: value for name, value in row.items() if name in known}) for row in found)


def edges(graph: Graph, resource: Resource) -> Iterator[tuple[str, ...]]:
    """The needs of a resource in its graph, each as the URNs of which one must be there; a need that names several is several."""
    for need in of(resource.type):
        if not _holds(resource, need.when):
            continue
        meets = _meets(need)
        if need.by:
            named = (graph.by_urn[urn] for urn in _named(graph, resource, need.by) if urn in graph.by_urn)
            yield from ((other.urn,) for other in named if meets(other))
        elif others := tuple(other.urn for other in graph.of_type(need.needs) if meets(other)):
            yield others


def _meets(need: Need) -> Callable[[Resource], bool]:
    return lambda other: other.type == need.needs and _holds(other, need.where)


def _named(graph: Graph, resource: Resource, by: str) -> Sequence[str]:
    if by != PROVIDER:
        return resource.property_dependencies.get(by, ())
    provider = graph.by_urn.get(resource.provider)
    return sorted({urn for urns in provider.property_dependencies.values() for urn in urns}) if provider else ()


def _holds(resource: Resource, conditions: Conditions) -> bool:
    return all(_fits(resource.inputs.get(name), patterns) for name, patterns in conditions.items())


def _fits(value: Any, patterns: Sequence[str]) -> bool:
    return isinstance(value, str) and any(fnmatchcase(value, pattern) for pattern in patterns)
