"""A flat program from a graph: the same resources through the same SDK classes, and nothing else.

It is the yardstick of the benchmarks: no components, no config, no checks, no policies; parents are dropped.
"""

import json
import keyword
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from graph.exporters.markers import masked
from graph.exporters.shapes import snake_case
from graph.model import UNKNOWN, Graph, Options, Resource, SecretValue
from graph.types.schema import ENGINE_KEYS, resource_class

_CUSTOM_RESOURCE: Final = "pulumi_kubernetes.apiextensions.CustomResource"
_HEADER: Final = ("import pulumi", "import pulumi_aws", "import pulumi_kubernetes", "from pulumi import ResourceOptions as Options", "")
_SET_BY_CLASS: Final = frozenset({"apiVersion", "kind"})


class NotExpressible(Exception):
    """A graph that no flat program can be made of: an unknown value, or a type that has no SDK class."""


def generate(graph: Graph) -> str:
    """Python source that registers every custom resource and provider of the graph, in its order.

    References between resources are attribute accesses where an input equals an attribute of a resource it came from, else literals;
    what a resource waits for beyond these is kept by `depends_on`. Secrets are secret markers of the same JSON type.
    Raises NotExpressible for a graph with unknown values (record it without) or with a type outside the SDKs.
    """
    found = [r for r in graph if r.custom]
    return "\n".join((*_HEADER, *_Program(found).lines(), *_exports(graph))) + "\n"


def _exports(graph: Graph) -> Iterator[str]:
    return (f"pulumi.export({key!r}, {_literal(value)})" for key, value in graph.outputs.items())


class _Program:
    """Writes one resource after another, remembering what earlier ones are called."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self._resources = resources
        self._variables = {r.urn: f"r{i}" for i, r in enumerate(resources)}
        self._attributes = {r.urn: _attributes(r) for r in resources}
        self._names: set[tuple[str, str]] = set()

    def lines(self) -> Iterator[str]:
        """One statement a resource."""
        return (self._line(resource) for resource in self._resources)

    def _line(self, resource: Resource) -> str:
        used: set[str] = set()
        where = class_of(resource)
        skip = _set_elsewhere(resource, where)
        values = {_python(key): self._input(resource, key, used) for key in resource.inputs if key not in skip}
        if where == _CUSTOM_RESOURCE:
            values = _custom_resource(values)
        inputs = [f"{key}={text}" for key, text in values.items()]
        arguments = ", ".join((repr(self._name(resource)), *inputs, f"opts={self._options(resource, used)}"))
        return f"{self._variables[resource.urn]} = {where}({arguments})"

    def _name(self, resource: Resource) -> str:
        """The logical name; without parents two may clash, so that later ones are numbered."""
        name, number = resource.name, 2
        while (resource.type, name) in self._names:
            name, number = f"{resource.name}-{number}", number + 1
        self._names.add((resource.type, name))
        return name

    def _input(self, resource: Resource, key: str, used: set[str]) -> str:
        sources = [urn for urn in resource.property_dependencies.get(key, ()) if urn in self._variables]
        value = resource.inputs[key]
        return self._text(_decoded(key, value) if resource.is_provider else value, sources, used)

    def _text(self, value: Any, sources: Sequence[str], used: set[str]) -> str:
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key!r}: {self._text(item, sources, used)}" for key, item in value.items()) + "}"
        if isinstance(value, list | tuple):
            return "[" + ", ".join(self._text(item, sources, used) for item in value) + "]"
        return self._reference(value, sources, used) or _literal(value)

    def _reference(self, value: Any, sources: Sequence[str], used: set[str]) -> str:
        for urn in sources:
            attribute = self._attributes[urn].get(value) if isinstance(value, str) else None
            if attribute:
                used.add(urn)
                return f"{self._variables[urn]}.{attribute}"
        return ""

    def _options(self, resource: Resource, used: set[str]) -> str:
        waits = [self._variables[urn] for urn in resource.dependencies if urn in self._variables.keys() - used]
        provider = self._variables.get(resource.provider)
        found = {
            "provider": provider,
            "depends_on": f"[{', '.join(waits)}]" if waits else None,
            **_plain_options(resource.options),
        }
        return f"Options({', '.join(f'{key}={text}' for key, text in found.items() if text)})"


def _set_elsewhere(resource: Resource, where: str) -> frozenset[str]:
    """Inputs that the class or the engine sets."""
    if resource.is_provider:
        return ENGINE_KEYS
    return _SET_BY_CLASS if resource.type.startswith("kubernetes:") and where != _CUSTOM_RESOURCE else frozenset()


def _plain_options(options: Options) -> dict[str, str]:
    """What the program chose; secret outputs and aliases the classes state again."""
    names = ("protect", "retain_on_delete", "delete_before_replace", "ignore_changes", "replace_on_changes")
    values = {name: getattr(options, name) for name in names}
    return {name: repr(list(value) if isinstance(value, tuple) else value) for name, value in values.items() if value}


def _decoded(key: str, value: Any) -> Any:
    """Provider classes turn what is not text into JSON text, all but a kubeconfig; so that must be undone to register it again."""
    if key == "kubeconfig" or not isinstance(value, str) or not (value[:1] in ("[", "{") or value in ("true", "false")):
        return value
    return json.loads(value)


def _custom_resource(values: Mapping[str, str]) -> dict[str, str]:
    """`CustomResource` takes what is not metadata or spec as `others`."""
    known = ("api_version", "kind", "metadata", "spec")
    others = {key: text for key, text in values.items() if key not in known}
    named = {key: values[key] for key in known if key in values}
    return named | ({"others": "{" + ", ".join(f"{key!r}: {text}" for key, text in others.items()) + "}"} if others else {})


def class_of(resource: Resource) -> str:
    """The SDK class of a resource as a dotted name. Raises NotExpressible for a package without an SDK here."""
    found = resource_class(resource.type)
    if found is not None:
        return f"{found.__module__.rpartition('.')[0]}.{found.__name__}"
    if resource.type.startswith("kubernetes:"):
        return _CUSTOM_RESOURCE
    raise NotExpressible(f"no SDK class for {resource.type} ({resource.urn})")


def _attributes(resource: Resource) -> dict[str, str]:
    """Attribute name by its text; an output that only echoes an input is no reference worth making, but `id` and `arn` are."""
    texts = {value: _python(name) for name, value in resource.outputs.items() if isinstance(value, str) and len(value) > 2}
    arn = resource.outputs.get("arn")
    return texts | ({arn: "arn"} if isinstance(arn, str) and arn else {}) | ({resource.id: "id"} if resource.id else {})


def _python(name: str) -> str:
    text = snake_case(name)
    return f"{text}_" if keyword.iskeyword(text) else text


def _literal(value: Any) -> str:
    if value is UNKNOWN:
        raise NotExpressible("a graph with unknown values has no flat program; record it with known ones")
    if isinstance(value, SecretValue):
        return f"pulumi.Output.secret({masked(value)!r})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return repr(value)
