"""A stack file rewritten for the stage: every secret a canary, none of the real file's keys, every other character as it was."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

KeyPath = tuple[str | int, ...]
"""Keys and list positions of a value, from the top of the file."""

SALT: Final = "encryptionsalt"
EMPTIED: Final = frozenset({"secretsprovider", "encryptedkey"})
"""Top-level keys that name the real file's key; the engine takes an empty one for none."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text, by character positions; `end` is the first after it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Places:
    """What is to be rewritten in a stack file: each by its path, and where the top mapping begins."""

    secrets: Mapping[KeyPath, Span]
    sealing: Mapping[str, Span]
    top: int | None
    flow: bool


@dataclass(slots=True)
class _Level:
    """A mapping or list that is being read; `key` is None while a mapping's key is due."""

    mapping: bool
    key: str | None = None
    position: int = 0

    def step(self) -> None:
        """Pass a value."""
        self.key, self.position = None, self.position + 1


def find(text: str) -> Places:
    """Find what is to be rewritten. Reads events, so that no depth of nesting exhausts anything.

    Raises yaml.YAMLError when the text is not YAML.
    """
    secrets: dict[KeyPath, Span] = {}
    sealing: dict[str, Span] = {}
    for path, span in _scalars(text):
        if len(path) > 2 and path[0] == "config" and path[-1] == "secure":
            secrets[path[:-1]] = span
        elif len(path) == 1 and (path[0] == SALT or path[0] in EMPTIED):
            sealing[str(path[0])] = span
    top = next((e for e in yaml.parse(text, Loader=yaml.SafeLoader) if isinstance(e, yaml.CollectionStartEvent)), None)
    return Places(secrets, sealing, _span(top).start if top else None, bool(top and top.flow_style))


def replaced(text: str, values: Mapping[KeyPath, str]) -> str:
    """The text with other values at some paths, those that are there."""
    edits = [(span, json.dumps(values[path])) for path, span in _scalars(text) if path in values]
    for span, new in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + new + text[span.end :]
    return text


def _scalars(text: str) -> Iterator[tuple[KeyPath, Span]]:
    """Every scalar that is a value, with its path."""
    levels: list[_Level] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            levels.append(_Level(isinstance(event, yaml.MappingStartEvent)))
        elif isinstance(event, yaml.CollectionEndEvent):
            levels.pop()
            if levels:
                levels[-1].step()
        elif isinstance(event, yaml.NodeEvent) and levels:
            level = levels[-1]
            if level.mapping and level.key is None:
                level.key = event.value if isinstance(event, yaml.ScalarEvent) else ""
                continue
            if isinstance(event, yaml.ScalarEvent):
                yield tuple((at.key or "") if at.mapping else at.position for at in levels), _span(event)
            level.step()


def _span(event: yaml.Event) -> Span:
    assert event.start_mark is not None
    assert event.end_mark is not None
    return Span(event.start_mark.index, event.end_mark.index)


def rewrite(text: str, places: Places, ciphertexts: Mapping[KeyPath, str], salt: str) -> str:
    """The text with each secret's ciphertext replaced, the real keys emptied, and the stage's salt in place."""
    edits = [(span, f'"{ciphertexts[path]}"') for path, span in places.secrets.items()]
    edits += [(span, f'"{salt}"' if key == SALT else '""') for key, span in places.sealing.items()]
    if SALT not in places.sealing:
        edits.append(_added(text, places, f'{SALT}: "{salt}"'))
    for span, new in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        line_end = "\n" if text[span.start : span.end].endswith("\n") else ""
        text = text[: span.start] + new + line_end + text[span.end :]
    return text


def _added(text: str, places: Places, entry: str) -> tuple[Span, str]:
    """An edit that adds an entry at the head of the top mapping, in the style and at the depth it is written in."""
    if places.top is None:
        return Span(len(text), len(text)), f"\n{entry}\n"
    if places.flow:
        return Span(places.top + 1, places.top + 1), f"{entry}, "
    indent = text[text.rfind("\n", 0, places.top) + 1 : places.top]
    return Span(places.top, places.top), f"{entry}\n{indent}"
