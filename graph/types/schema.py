"""Schemas of resource types, from the installed provider SDKs: property names, types and which are required.

Nothing is copied: names come from the SDKs' resource-module registry, types from the annotations of their argument classes, read
with the SDK's own `_types` machinery. Only the classes that are asked for are touched, and each is read once per process.
"""

import collections.abc
import difflib
import enum
import functools
import importlib
import importlib.util
import json
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pulumi import _types as sdk_types
from pulumi.runtime import rpc

from graph.model import UNKNOWN, SecretValue

PROVIDER_PREFIX = "pulumi:providers:"

ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "__internal"})
"""Inputs of a provider resource that the engine adds itself."""


class Violation(NamedTuple):
    """One way in which inputs break a type's schema; `path` is a Pulumi property path such as `spec.ports[0].port`."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Anything:
    """A value whose shape the SDK leaves open."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, boolean, integer or number."""

    kind: type


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a closed set of constants."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list of like values."""

    item: "Node"


@dataclass(frozen=True, slots=True)
class Entries:
    """A map of free keys to like values."""

    value: "Node"


@dataclass(frozen=True, slots=True)
class Object:
    """A nested object; `cls` is the SDK class that `fields` reads."""

    cls: type


@dataclass(frozen=True, slots=True)
class Either:
    """A value of any one of several shapes."""

    options: tuple["Node", ...]


Node = Anything | Scalar | Choice | Items | Entries | Object | Either


@dataclass(frozen=True, slots=True)
class Field:
    """One property: its shape and whether it must be given."""

    node: Node
    required: bool


OPEN_CONTAINERS: Mapping[type, Node] = {list: Items(Anything()), dict: Entries(Anything())}


class Nouns(NamedTuple):
    """How a kind of value is called in a message, and the Python types that count as one."""

    noun: str
    accepts: tuple[type, ...]


SCALARS: Mapping[type, Nouns] = {
    str: Nouns("a string", (str,)),
    bool: Nouns("a boolean", (bool,)),
    int: Nouns("an integer", (int,)),
    float: Nouns("a number", (int, float)),
}

NOUNS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a number"),
    (str, "a string"),
    (list, "a list"),
    (dict, "an object"),
)


def known(token: str) -> bool:
    """Whether an installed SDK has a class for this type token."""
    return resource_class(token) is not None


def check_inputs(token: str, inputs: Mapping[str, Any]) -> list[Violation]:
    """Every way in which `inputs` break the schema of `token`; nothing for a type that no installed SDK knows.

    Inputs are plain JSON values; `UNKNOWN` fits everywhere and a `SecretValue` is judged by what it holds, which no message shows.
    """
    cls = args_class(token)
    if cls is None:
        return []
    if token.startswith(PROVIDER_PREFIX):
        inputs = _decoded(fields(cls), inputs)
    return list(_object_violations(fields(cls), inputs, ""))


def properties(token: str) -> Mapping[str, Field]:
    """The input properties of a type by name; empty for a type that no installed SDK knows."""
    cls = args_class(token)
    return {} if cls is None else fields(cls)


@functools.cache
def output_only(token: str) -> Mapping[str, Node]:
    """The properties that only the provider can give, by name."""
    cls = resource_class(token)
    inputs = properties(token)
    shapes = {} if cls is None else sdk_types.resource_types(cls)
    return {name: node_of(shape) for name, shape in shapes.items() if name not in inputs and name not in ("id", "urn")}


@functools.cache
def resource_class(token: str) -> type | None:
    """The SDK's resource class of a type token, or None if no installed SDK has one."""
    package = token.removeprefix(PROVIDER_PREFIX).partition(":")[0]
    if not _load_sdk(package):
        return None
    if token.startswith(PROVIDER_PREFIX):
        entries = [entry.pkg_info for entry in rpc._RESOURCE_PACKAGES.get(package, []) if hasattr(entry, "pkg_info")]
        return getattr(importlib.import_module(entries[0]["fqn"]), entries[0]["class"]) if entries else None
    module_key = token.rpartition(":")[0]
    for module in rpc._RESOURCE_MODULES.get(module_key, []):
        facts = getattr(module, "mod_info", {"classes": {}})
        if token in facts["classes"]:
            return typing.cast(type, getattr(importlib.import_module(facts["fqn"]), facts["classes"][token]))
    return None


@functools.cache
def _load_sdk(package: str) -> bool:
    name = f"pulumi_{package.replace('-', '_')}"
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        return False
    importlib.import_module(name)
    return True


@functools.cache
def args_class(token: str) -> type | None:
    """The SDK's input class of a type token: the one that the module of its resource class exports beside it."""
    cls = resource_class(token)
    if cls is None:
        return None
    module = sys.modules[cls.__module__]
    names = [name for name in module.__all__ if name in (f"{cls.__name__}InitArgs", f"{cls.__name__}Args")]
    return typing.cast(type, getattr(module, names[0])) if names else None


@functools.cache
def fields(cls: type) -> Mapping[str, Field]:
    """The properties of an SDK input or output class by their Pulumi names."""
    required = sdk_types._required_property_names(cls)
    return {name: Field(node_of(shape), name in required) for name, shape in sdk_types._types_from_py_properties(cls).items()}


@functools.cache
def node_of(shape: Any) -> Node:
    """The shape that an annotation of an SDK class stands for; what it cannot read is left open."""
    shape = sdk_types.unwrap_type(shape)
    origin, args = typing.get_origin(shape), typing.get_args(shape)
    if origin in (typing.Union, types.UnionType):
        return _union(args)
    if origin is typing.Literal:
        return Choice(args)
    if origin in (list, collections.abc.Sequence):
        return Items(node_of(args[0]))
    if origin in (dict, collections.abc.Mapping):
        return Entries(node_of(args[1]))
    return _plain(shape)


def _union(members: Sequence[Any]) -> Node:
    options = tuple(dict.fromkeys(node_of(m) for m in members if m is not type(None) and not sdk_types._is_plumbing_arg(m)))
    return options[0] if len(options) == 1 else Either(options)


def _plain(shape: Any) -> Node:
    if shape in SCALARS:
        return Scalar(shape)
    if not isinstance(shape, type):
        return Anything()
    if sdk_types.is_input_type(shape) or sdk_types.is_output_type(shape):
        return Object(shape)
    if issubclass(shape, enum.Enum):
        return Choice(tuple(member.value for member in shape))
    return OPEN_CONTAINERS.get(shape, Anything())


def _decoded(known_fields: Mapping[str, Field], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Provider inputs as they were before the SDK wrote nested values as JSON text, without what the engine adds."""

    def decode(name: str, value: Any) -> Any:
        field = known_fields.get(name)
        encoded = isinstance(value, str) and field is not None and field.node != Scalar(str)
        return _from_json(value) if encoded else value

    return {name: decode(name, value) for name, value in inputs.items() if name not in ENGINE_KEYS}


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def child_path(path: str, key: str | int) -> str:
    """`path` extended by one key or index, in Pulumi's notation."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not key.replace("_", "a").isalnum():
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _violations(node: Node, value: Any, path: str) -> Iterator[Violation]:
    if isinstance(value, SecretValue):
        value = value.value
    if value is UNKNOWN or value is None:
        return
    match node:
        case Scalar(kind):
            if not _is_scalar(kind, value):
                yield Violation(path, f"must be {SCALARS[kind].noun}, is {_noun(value)}")
        case Object(cls):
            yield from _nested(value, path, dict, lambda: _object_violations(fields(cls), value, path))
        case Items(item):
            yield from _nested(value, path, list, lambda: _each(item, enumerate(value), path))
        case Entries(entry):
            yield from _nested(value, path, dict, lambda: _each(entry, value.items(), path))
        case Choice(values):
            if value not in values:
                yield Violation(path, f"must be one of {', '.join(map(repr, values))}")
        case Either(options):
            yield from _best(options, value, path)
        case Anything():
            return


def _is_scalar(kind: type, value: Any) -> bool:
    return isinstance(value, SCALARS[kind].accepts) and (kind is bool or not isinstance(value, bool))


def _nested(value: Any, path: str, kind: type, descend: typing.Callable[[], Iterator[Violation]]) -> Iterator[Violation]:
    if isinstance(value, kind):
        yield from descend()
    else:
        yield Violation(path, f"must be {dict(NOUNS)[kind]}, is {_noun(value)}")


def _each(node: Node, pairs: typing.Iterable[tuple[Any, Any]], path: str) -> Iterator[Violation]:
    for key, value in pairs:
        yield from _violations(node, value, child_path(path, key))


def _best(options: tuple[Node, ...], value: Any, path: str) -> Iterator[Violation]:
    """Nothing if one option fits; else the faults of the option that comes nearest, deepest first."""
    faults = [list(_violations(option, value, path)) for option in options]
    if all(faults):
        deeper = [found for found in faults if any(fault.path != path for fault in found)]
        yield from min(deeper, key=len) if deeper else [Violation(path, " or ".join(found[0].message for found in faults))]


def _object_violations(known_fields: Mapping[str, Field], value: Mapping[str, Any], path: str) -> Iterator[Violation]:
    for name, item in value.items():
        field = known_fields.get(name)
        if field is None:
            yield Violation(child_path(path, name), _unknown_property(name, known_fields))
        else:
            yield from _violations(field.node, item, child_path(path, name))
    for name, field in known_fields.items():
        if field.required and value.get(name) is None:
            yield Violation(child_path(path, name), "is required")


def _unknown_property(name: str, known_fields: Mapping[str, Field]) -> str:
    near = difflib.get_close_matches(name, known_fields, n=1)
    return f"is not a property of this type{f'; did you mean {near[0]}?' if near else ''}"


def _noun(value: Any) -> str:
    return next((noun for kind, noun in NOUNS if isinstance(value, kind)), type(value).__name__)
