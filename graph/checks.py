"""Checks of a graph for what the engine or a provider would refuse: every fault at once, each with its component and property path."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from graph.model import Graph, Resource, SecretValue
from graph.types import schema
from graph.types.kubernetes import HELM_RELEASE


@dataclass(frozen=True, slots=True)
class GraphFault:
    """One thing that would be refused. `component` is `<type> <name>` of the nearest component, or of the stack; `path` may be ""."""

    urn: str
    component: str
    path: str
    message: str

    def __str__(self) -> str:
        token, name = self.urn.split("::")[2].rpartition("$")[2], self.urn.rpartition("::")[2]
        where = f"{name} ({token}){f' {self.path}' if self.path else ''}"
        return f"{self.component}: {where}: {self.message}"


class GraphFaults(Exception):
    """Every fault of a recorded program."""

    def __init__(self, faults: Sequence[GraphFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


def faults(graph: Graph, denies_default: Callable[[str], bool]) -> tuple[GraphFault, ...]:
    """Every fault of a graph; `denies_default` says whether a package may have no default provider."""
    return (*_duplicates(graph), *(fault for resource in graph for fault in _resource_faults(graph, resource, denies_default)))


def unchecked(graph: Graph) -> tuple[Resource, ...]:
    """Custom resources whose inputs no installed SDK can judge, such as Kubernetes custom resources."""
    return tuple(resource for resource in graph.custom if not schema.known(resource.type))


def _duplicates(graph: Graph) -> Iterator[GraphFault]:
    for urn, count in Counter(resource.urn for resource in graph).items():
        if count > 1:
            yield _fault(graph, graph.by_urn[urn], "", f"is registered {count} times; every resource needs a name of its own")


def _resource_faults(graph: Graph, resource: Resource, denies_default: Callable[[str], bool]) -> Iterator[GraphFault]:
    if not resource.custom:
        return
    package = resource.type.partition(":")[0]
    if not resource.provider and not resource.is_provider and denies_default(package):
        yield _fault(graph, resource, "", f"has no explicit {package} provider, and default providers are disabled")
    for violation in schema.check_inputs(resource.type, resource.inputs):
        yield _fault(graph, resource, violation.path, violation.message)
    if package == "kubernetes" and resource.type != HELM_RELEASE:
        yield from _unnamed(graph, resource)
    if package == "aws" and not schema.known(resource.type):
        yield _fault(graph, resource, "", "is of a type that the installed SDK does not have")


def _unnamed(graph: Graph, resource: Resource) -> Iterator[GraphFault]:
    metadata = resource.inputs.get("metadata", {})
    if isinstance(metadata, SecretValue):
        metadata = metadata.value
    if isinstance(metadata, dict) and metadata.get("name") is None:
        yield _fault(graph, resource, "metadata.name", "is required: every Kubernetes object is named explicitly")


def _fault(graph: Graph, resource: Resource, path: str, message: str) -> GraphFault:
    owner = graph.component_of(resource)
    return GraphFault(resource.urn, f"{owner.type} {owner.name}" if owner else f"stack {graph.stack}", path, message)
