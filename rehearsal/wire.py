"""Property values on the wire: Pulumi's Struct encoding to plain JSON values with `UNKNOWN` and `SecretValue`, and back.

Signatures are those of the SDK (`pulumi.runtime.rpc`). Protobuf knows only doubles: numbers without a fraction come back as int.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2

from graph.model import UNKNOWN, SecretValue

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The properties of a request as plain values."""
    return {key: _plain(value) for key, value in json_format.MessageToDict(struct).items()}


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values as the properties of a reply."""
    struct = struct_pb2.Struct()
    struct.update({key: _wired(value) for key, value in properties.items()})
    return struct


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return _special(value) if SIGNATURE in value else {key: _plain(item) for key, item in value.items()}
    return UNKNOWN if value == UNKNOWN_TEXT else value


def _special(value: Mapping[str, Any]) -> Any:
    if value[SIGNATURE] == SECRET:
        return SecretValue(_plain(value.get("value")))
    if value[SIGNATURE] == OUTPUT:
        inner = _plain(value["value"]) if "value" in value else UNKNOWN
        return SecretValue(inner) if value.get("secret") else inner
    return {key: _plain(item) for key, item in value.items()}


def _wired(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, SecretValue):
        return {SIGNATURE: SECRET, "value": _wired(value.value)}
    if isinstance(value, Mapping):
        return {key: _wired(item) for key, item in value.items()}
    return [_wired(item) for item in value] if isinstance(value, list | tuple) else value


def revealed(value: Any) -> Any:
    """The value without its secret marks, for comparing; never for showing."""
    if isinstance(value, SecretValue):
        return revealed(value.value)
    if isinstance(value, Mapping):
        return {key: revealed(item) for key, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list | tuple) else value


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
