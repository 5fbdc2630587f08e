"""Property values as a provider reads them: from the wire and back, without secret marks, leaf by leaf, at a path."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import struct_pb2

from graph.model import SecretValue
from graph.wire import from_struct, to_struct

decode = from_struct
encode = to_struct


def revealed(value: Any) -> Any:
    """The value without its secret marks, for comparing; never for showing."""
    if isinstance(value, SecretValue):
        return revealed(value.value)
    if isinstance(value, Mapping):
        return {key: revealed(item) for key, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list | tuple) else value


def hidden(value: Any, secret: bool = False) -> set[str]:
    """Every text that stands under a secret mark; what a message must not repeat."""
    if isinstance(value, SecretValue):
        return hidden(value.value, True)
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in hidden(item, secret)}
    if isinstance(value, list | tuple):
        return {text for item in value for text in hidden(item, secret)}
    return {value} if secret and isinstance(value, str) else set()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar, empty container, secret and unknown with its Pulumi property path, such as `spec.ports[0].name`."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def changed_paths(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Paths of every leaf that was added, removed or given another value; an unknown is another value, a secret mark is not."""
    before, after = ({path: revealed(leaf) for path, leaf in leaves(value)} for value in (old, new))
    return [path for path in dict.fromkeys([*before, *after]) if path not in before or path not in after or before[path] != after[path]]


def at(value: Any, path: str) -> list[Any]:
    """The values at a dotted path; `[*]` or nothing at all steps into every item of a list."""
    found = [revealed(value)]
    for step in filter(None, path.replace("[*]", "").split(".")):
        lists = [item for one in found for item in (one if isinstance(one, list | tuple) else [one])]
        found = [one[step] for one in lists if isinstance(one, Mapping) and one.get(step) is not None]
    return [item for one in found for item in (one if isinstance(one, list | tuple) else [one])]


def configuration(args: struct_pb2.Struct) -> dict[str, Any]:
    """A provider's own inputs: the SDKs send what is not text as JSON text, which is read back here; secrets are opened."""
    return {key: _unjson(revealed(value)) for key, value in decode(args).items()}


def _unjson(value: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    try:
        return json.loads(value)
    except ValueError:
        return value
