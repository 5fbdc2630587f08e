"""Values as the engine's protocol carries them, to and from plain JSON values with `UNKNOWN` and `SecretValue`."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from graph.model import UNKNOWN, SecretValue

SIGNATURE = rpc._special_sig_key
SECRET = rpc._special_secret_sig
REFERENCE = rpc._special_resource_sig
UNKNOWN_TEXT = rpc.UNKNOWN

INTERNAL = frozenset({"__defaults", "__internal", "__meta"})
"""Keys that the engine and bridged providers keep for themselves inside inputs and outputs."""


def number(value: float) -> int | float:
    """A protocol number, which is always a double, as the integer it was if it was one."""
    return int(value) if value.is_integer() else value


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The properties of a request as plain values, in order of their names: the protocol keeps none."""
    return {name: from_value(value) for name, value in sorted(struct.fields.items()) if value.WhichOneof("kind") != "null_value"}


def from_value(value: struct_pb2.Value) -> Any:
    """One protocol value as a plain value."""
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
        case "number_value":
            return number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [from_value(item) for item in value.list_value.values]
        case "struct_value":
            return _from_object(value.struct_value)
        case _:
            return None


def _from_object(struct: struct_pb2.Struct) -> Any:
    if SIGNATURE not in struct.fields:
        return from_struct(struct)
    return from_signed({name: from_value(value) for name, value in struct.fields.items()})


def from_signed(item: Mapping[str, Any]) -> Any:
    """A value with a type signature: a secret; a reference to a resource, as its id or a component's URN; an asset as it stands."""
    if item[SIGNATURE] == SECRET:
        return SecretValue(item.get("value", UNKNOWN))
    if item[SIGNATURE] == REFERENCE:
        return item["urn"] if "id" not in item else UNKNOWN if item["id"] == "" else item["id"]
    return dict(item)


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values as the properties of a response."""
    struct = struct_pb2.Struct()
    struct.update({name: _to_json(value) for name, value in properties.items()})
    return struct


def _to_json(value: Any) -> Any:
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, SecretValue):
        return {SIGNATURE: SECRET, "value": _to_json(value.value)}
    if isinstance(value, dict):
        return {name: _to_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    return value


def without_internal(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties without what engine and bridge keep for themselves, at any depth."""
    return {name: _stripped(value) for name, value in properties.items() if name not in INTERNAL}


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return without_internal(value)
    return [_stripped(item) for item in value] if isinstance(value, list) else value


def contains_unknown(value: Any) -> bool:
    """Whether `UNKNOWN` stands anywhere inside a plain value."""
    if isinstance(value, SecretValue):
        return contains_unknown(value.value)
    if isinstance(value, Mapping):
        return any(map(contains_unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(contains_unknown, value))
    return value is UNKNOWN
