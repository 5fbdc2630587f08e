"""A stack file with some values changed or added, every other character as it was: comments, order and style stay."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from graph.exporters.yaml_text import ambiguous, quoted

Place = tuple[str | int, ...]

PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*|\d+\.\d+\.\d+-[0-9a-f]*[a-f][0-9a-f]*")
"""Text that YAML reads as text without quotes."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to put between two character positions."""

    start: int
    end: int
    text: str


def edited(text: str, values: Mapping[Place, str]) -> str:
    """The file's text with a value at each place, a path from the top of the file. A key that is not there is added.

    Raises KeyError for a place below something that is not a mapping or list, or past the end of a list.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise KeyError("the file holds no mapping")
    edits: list[Edit] = []
    added: dict[int, tuple[yaml.MappingNode, dict[str, Any]]] = {}
    for place, value in values.items():
        node, rest = _deepest(root, place)
        if not rest:
            edits.append(Edit(node.start_mark.index, node.end_mark.index, scalar(value)))
        elif isinstance(node, yaml.MappingNode):
            _put(added.setdefault(id(node), (node, {}))[1], rest, value)
        else:
            raise KeyError(".".join(map(str, place)))
    edits += [_added(text, node, tree) for node, tree in added.values()]
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def scalar(value: str) -> str:
    """A text as YAML: plain where that is safe, else quoted."""
    return value if PLAIN.fullmatch(value) and not ambiguous(value) else quoted(value)


def _deepest(node: yaml.Node, place: Place) -> tuple[yaml.Node, Place]:
    """The node at a place, or the last one on the way and what of the way is left."""
    for position, part in enumerate(place):
        below = _child(node, part)
        if below is None:
            return node, place[position:]
        node = below
    if not isinstance(node, yaml.ScalarNode):
        raise KeyError(".".join(map(str, place)))
    return node, ()


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _put(tree: dict[str, Any], place: Place, value: str) -> None:
    for part in place[:-1]:
        tree = tree.setdefault(str(part), {})
    tree[str(place[-1])] = value


def _added(text: str, node: yaml.MappingNode, tree: Mapping[str, Any]) -> Edit:
    """New keys at the head of a mapping, in the style it is written in."""
    entries = [f"{scalar(key)}: {_flow(item)}" for key, item in tree.items()]
    if node.flow_style:
        at = node.start_mark.index + 1
        return Edit(at, at, ", ".join(entries) + (", " if node.value else ""))
    at = node.start_mark.index
    indent = " " * node.start_mark.column
    return Edit(at, at, "".join(f"{entry}\n{indent}" for entry in entries))


def _flow(item: Any) -> str:
    if isinstance(item, str):
        return scalar(item)
    return "{" + ", ".join(f"{scalar(key)}: {_flow(value)}" for key, value in item.items()) + "}"
