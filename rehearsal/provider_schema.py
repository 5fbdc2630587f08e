"""Inputs that the rehearsal's Kubernetes provider does not know: it is older than the SDK, and would drop them without a word."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from graph.exporters.kubernetes import PACKAGE
from graph.model import Graph
from graph.types import schema as sdk
from rehearsal import wire
from rehearsal.control_plane.tools import KUBERNETES_PROVIDER
from rehearsal.golang import module_file

PROVIDER: Final = "pulumi:providers:kubernetes"
TYPES: Final = "#/types/"
ENGINES: Final = frozenset({"version", "pluginDownloadURL"})
"""Inputs of a provider resource that the engine takes out before it configures the provider."""


@cache
def served() -> Mapping[str, Any]:
    """The schema of the provider that is served. Raises Unavailable when its module cannot be had."""
    (source,) = [path for path in KUBERNETES_PROVIDER.brings.values() if path.endswith("/schema.json")]
    read: Mapping[str, Any] = json.loads(module_file(source).read_text())
    return read


def unknown(graph: Graph, schema: Mapping[str, Any]) -> tuple[list[str], int]:
    """(resource and path of every input that `schema` lacks, how many resources were compared).

    Custom kinds have no schema, and are compared with nothing.
    """
    found: list[str] = []
    compared = 0
    for resource in graph:
        row = _row(resource.type, schema)
        if row is None:
            if resource.type.startswith(PACKAGE) and sdk.known(resource.type):
                found.append(f"{resource.name}: {resource.type}")
            continue
        compared += 1
        own = ENGINES if resource.is_provider else ()
        inputs = {name: wire.revealed(value) for name, value in resource.inputs.items() if name not in own}
        places = _strange(inputs, row["inputProperties"], schema["types"])
        found += [f"{resource.name}: {place} of {resource.type}" for place in places]
    return found, compared


def _row(token: str, schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    row: Mapping[str, Any] | None = schema["provider"] if token == PROVIDER else schema["resources"].get(token)
    return row


def _strange(values: Mapping[str, Any], known: Mapping[str, Any], types: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, value in values.items():
        if name not in known:
            yield f"{path}{name}"
        else:
            yield from _within(value, known[name], types, f"{path}{name}")


def _within(value: Any, said: Mapping[str, Any], types: Mapping[str, Any], path: str) -> Iterator[str]:
    """Strange inputs inside a value whose type is said."""
    reference = str(said.get("$ref", ""))
    if isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _within(item, said.get("items") or {}, types, f"{path}[{index}]")
    elif isinstance(value, Mapping) and reference.startswith(TYPES):
        kind = types.get(reference.removeprefix(TYPES), {})
        if "properties" in kind:
            yield from _strange(value, kind["properties"], types, f"{path}.")
    elif isinstance(value, Mapping) and "additionalProperties" in said:
        for key, item in value.items():
            yield from _within(item, said["additionalProperties"], types, f"{path}.{key}")
