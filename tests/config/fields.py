"""Fields of the models one at a time: where they stand, what else they could hold, and what a change of one changes."""

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from components.spec import Reading, Secret
from graph.model import Graph
from graph.recorder import record
from infra.compose import compose
from infra.platforms import AnyStack, model_of
from infra.reading.shape import Schema, alternatives, at, schema_of, value_schema
from infra.reading.stackfile import KEY, read
from infra.reading.validation import judge

Place = tuple[str | int, ...]

CONTEXTS = {path.stem: path for path in sorted((Path(__file__).parent / "full").glob("*.yaml"), key=lambda path: path.stem)}
"""Platforms that state every field, by name."""

IGNORED = frozenset({"tags", "tagsAll", "labels", "annotations", "description"})
"""Inputs that describe and do nothing, but for the tags by which something is chosen."""


@cache
def data(context: str) -> Any:
    """What a context's file says."""
    return read(CONTEXTS[context]).config[KEY]


def model(context: str) -> type[AnyStack]:
    """The model that a context is of."""
    found = model_of(data(context))
    assert found
    return found


def pattern(place: Place, owner: type[AnyStack]) -> str:
    """A place with `*` for every key that the file's author chose and `[]` for every position."""
    parts = []
    for depth, part in enumerate(place):
        named = any(part in schema.get("properties", {}) for schema in at(owner, place[:depth]))
        parts.append("[]" if isinstance(part, int) else part if named else "*")
    return ".".join(parts)


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Every place of a document that holds neither a mapping nor a list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*place, index))
    else:
        yield place


def fields(owner: type[AnyStack]) -> set[str]:
    """Every leaf that a model knows, as patterns."""
    root = schema_of(owner)
    found: set[str] = set()

    def walk(schema: Schema, parts: tuple[str, ...]) -> None:
        for option in alternatives(schema, root):
            inner = value_schema(option)
            if option.get("properties", {}).keys() - {"secure"}:
                for name, part in option["properties"].items():
                    walk(part, (*parts, name))
            elif inner is not None:
                walk(inner, (*parts, "*"))
            elif option.get("type") == "array":
                walk(option["items"], (*parts, "[]"))
            elif option.get("type") != "null":
                found.add(".".join(parts))

    walk(root, ())
    return found


def changed(document: Any, changes: Mapping[Place, Any]) -> Any:
    """A copy of a document with other values at some places."""
    result = copy.deepcopy(document)
    for place, value in changes.items():
        holder = result
        for part in place[:-1]:
            holder = holder[part]
        holder[place[-1]] = value
    return result


def others(context: str, place: Place) -> Iterator[Any]:
    """Values that the schema would take instead of what stands at a place."""
    value = data(context)
    for part in place:
        value = value[part]
    if isinstance(value, Secret):
        yield Secret(value.reveal() + "x", encrypted=True)
    for schema in at(model(context), place):
        yield from (option for option in _others(schema, value) if option != value)


def _others(schema: Schema, value: Any) -> Iterator[Any]:
    if "enum" in schema:
        yield from schema["enum"]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1)
    elif isinstance(value, str) and (number := re.match(r"\d+", value)) and "examples" in schema:
        yield f"{int(number[0]) * 2}{value[number.end() :]}"
        yield f"{int(number[0]) - 1}{value[number.end() :]}"
    elif isinstance(value, str) and value:
        last = "2" if value[-1] != "2" else "3"
        yield from (value[:-1] + last, value + "x", value[:-1] + ("y" if value[-1] != "y" else "z"))


def judged(context: str, document: Any) -> AnyStack | None:
    """The platform of a document, or None when it is not a valid one."""
    return judge(model(context), document, Reading())[0]


def draw(platform: AnyStack) -> Graph:
    """The platform's graph."""
    return record(lambda: compose(platform, project="groundwork", stack="dev"), project="groundwork", stack="dev", config={})


def essence(graph: Graph) -> dict[str, Any]:
    """What the cloud would be asked for: inputs and options of every custom resource, without what only describes."""
    return {resource.urn: (_essential(resource.inputs), resource.options) for resource in graph if resource.custom}


def _essential(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: item if key.endswith("SelectorTerms") else _essential(item) for key, item in value.items() if key not in IGNORED}
    return [_essential(item) for item in value] if isinstance(value, list | tuple) else value
