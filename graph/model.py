"""One model of a resource graph, whoever drew it: the recorder in process, or the engine through its state."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final


class Unknown:
    """A value that only an apply can tell. One instance, `UNKNOWN`; it is falsy on purpose of being noticed."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> str:
        """Copies and pickles are this one instance."""
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value has no truth; ask `is UNKNOWN` first")


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class SecretValue:
    """A value that must not be shown; `repr` hides it, exporters replace it by a marker."""

    value: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class Options:
    """What the program asked of the engine for one resource, beside its inputs."""

    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    deleted_with: str = ""
    import_id: str = ""
    timeouts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. Inputs are plain JSON values with `UNKNOWN` and `SecretValue` where they stand.

    `provider` is the URN of its provider resource ("" for components); `property_dependencies` maps an input to the URNs it came from.
    `outputs` holds what the recorder or the engine's state knows of its outputs; `computed` names the outputs known only after apply.
    """

    urn: str
    type: str
    name: str
    custom: bool
    parent: str
    inputs: Mapping[str, Any]
    id: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Options = field(default_factory=Options)

    @property
    def is_provider(self) -> bool:
        """Whether this is an explicit provider instance."""
        return self.type.startswith("pulumi:providers:")


@dataclass(frozen=True)
class Graph:
    """All resources of one stack in registration order, and the stack's outputs."""

    project: str
    stack: str
    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    @cached_property
    def by_urn(self) -> Mapping[str, Resource]:
        """Every resource by its URN."""
        return {resource.urn: resource for resource in self.resources}

    @cached_property
    def children(self) -> Mapping[str, tuple[Resource, ...]]:
        """Direct children by the URN of the parent."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources:
            found.setdefault(resource.parent, []).append(resource)
        return {urn: tuple(rows) for urn, rows in found.items()}

    @property
    def custom(self) -> tuple[Resource, ...]:
        """What a cloud would hold: custom resources that are not providers."""
        return tuple(r for r in self.resources if r.custom and not r.is_provider)

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """Resources of the given type tokens."""
        return tuple(r for r in self.resources if r.type in types)

    def component_of(self, resource: Resource) -> Resource | None:
        """The nearest ancestor that is a component, or None for what hangs on the stack itself."""
        seen: Iterable[str] = ()
        parent = self.by_urn.get(resource.parent)
        while parent is not None and parent.custom and parent.urn not in seen:
            parent = self.by_urn.get(parent.parent)
        return None if parent is None or parent.type == "pulumi:pulumi:Stack" else parent
