"""References of planned values to the resources they came from, as Terraform's `configuration` states them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from graph.exporters.shapes import Shape, snake_case
from graph.model import UNKNOWN, Graph, Resource, SecretValue

_TELLING: Final = 8
"""Shortest text that is taken for an attribute of another resource when it stands inside a longer text, in characters."""


class References:
    """Finds where inputs came from: the graph tells which resources, their known attributes tell which part of the input."""

    def __init__(self, graph: Graph, addresses: Mapping[str, str]) -> None:
        self._addresses = addresses
        self._attributes = {urn: _attributes(graph.by_urn[urn]) for urn in addresses}

    def expressions(self, resource: Resource, shape: Shape) -> tuple[dict[str, Any], list[str]]:
        """Expressions by Terraform name, and the addresses that the resource depends on without a value that shows it."""
        found = {key: self._input(resource, shape, key) for key in resource.inputs}
        named = {shape.name(key): expression for key, expression in found.items() if expression}
        seen = set(_addresses_in(named.values()))
        elsewhere = {self._addresses[urn] for urn in resource.dependencies if urn in self._addresses} - seen
        return named, sorted(elsewhere)

    def _input(self, resource: Resource, shape: Shape, key: str) -> Any:
        sources = [urn for urn in resource.property_dependencies.get(key, ()) if urn in self._addresses]
        if not sources:
            return None
        expression = self._expression(resource.inputs[key], shape, key, sources)
        return expression or (None if _has_blocks(resource.inputs[key], shape, key) else self._to(sources))

    def _expression(self, value: Any, shape: Shape, path: str, sources: Sequence[str]) -> Any:
        value = value.value if isinstance(value, SecretValue) else value
        if value is UNKNOWN:
            return self._to(sources)
        if not _has_blocks(value, shape, path):
            if isinstance(value, list | tuple) and any(item is UNKNOWN for item in value):
                return self._to(sources)
            found = [reference for text in _texts(value) for reference in self._in_text(text, sources)]
            return {"references": list(dict.fromkeys(found))} if found else None
        blocks = [self._block(item, shape, path, sources) for item in ([value] if isinstance(value, Mapping) else value)]
        if not any(blocks):
            return None
        return blocks if isinstance(value, list | tuple) or path in shape.one else blocks[0]

    def _block(self, values: Any, shape: Shape, path: str, sources: Sequence[str]) -> dict[str, Any]:
        values = values.value if isinstance(values, SecretValue) else values
        parts = values.items() if isinstance(values, Mapping) else ()
        found = {shape.name(f"{path}.{key}"): self._expression(value, shape, f"{path}.{key}", sources) for key, value in parts}
        return {name: expression for name, expression in found.items() if expression}

    def _to(self, sources: Iterable[str]) -> dict[str, list[str]]:
        addresses = [self._addresses[urn] for urn in sources]
        return {"references": [reference for address in addresses for reference in (f"{address}.id", address)]}

    def _in_text(self, text: str, sources: Sequence[str]) -> list[str]:
        found = []
        for urn in sources:
            attribute = _best(text, self._attributes[urn])
            found += [f"{self._addresses[urn]}.{attribute}", self._addresses[urn]] if attribute else []
        return found


def _attributes(resource: Resource) -> dict[str, str]:
    """Known text by attribute name; `id` and `arn` first, since a value that several attributes share is meant as these."""
    known = {"id": resource.id, **resource.outputs}
    ordered = sorted(known, key=lambda name: (name != "id", name != "arn", name))
    texts = {name: value.value if isinstance(value := known[name], SecretValue) else value for name in ordered}
    return {name: text for name, text in texts.items() if isinstance(text, str) and text}


def _best(text: str, attributes: Mapping[str, str]) -> str:
    """The attribute that the text is, else the longest that it holds, in Terraform's spelling; "" for neither."""
    for name, known in attributes.items():
        if known == text:
            return snake_case(name)
    inside = [name for name, known in attributes.items() if len(known) >= _TELLING and known in text]
    return snake_case(max(inside, key=lambda name: len(attributes[name]))) if inside else ""


def _has_blocks(value: Any, shape: Shape, path: str) -> bool:
    value = value.value if isinstance(value, SecretValue) else value
    items = value if isinstance(value, list | tuple) else [value]
    return not shape.is_leaf(path) and any(isinstance(item, Mapping) for item in items)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, SecretValue):
        yield from _texts(value.value)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _addresses_in(expressions: Iterable[Any]) -> Iterable[str]:
    for expression in expressions:
        if isinstance(expression, list):
            yield from _addresses_in(expression)
        elif isinstance(expression, Mapping) and "references" in expression:
            yield from (reference for reference in expression["references"] if reference.count(".") == 1)
        elif isinstance(expression, Mapping):
            yield from _addresses_in(expression.values())
