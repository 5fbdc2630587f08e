"""YAML as the engine understands it: the scalars of go-yaml v3, and nothing that two readers could see differently.

The engine decodes a stack file into Go values, encodes them, decodes them again and hands them on as JSON
(pulumi/sdk/v3 go/common/workspace/loaders.go, gopkg.in/yaml.v3 resolve.go). `resolve` ends where that journey ends. What cannot
be made to agree for certain (dates, .inf, tags, anchors, merge keys, tabs …) is refused with the way to write it instead.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from infra.reading.faults import Path, printable

MAX_DEPTH = 32
"""Nesting beyond this is no configuration; the platform's own models need less than half."""
MAX_REFUSALS = 100
"""Where the reader stops telling: a file with more than this is not one that is mended line by line."""

BROKEN: Final = object()
"""Stands where a value was refused, so that reading goes on and nothing more is said about it."""


class Unclear(ValueError):
    """A plain scalar that readers of YAML do not agree on."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing in the text that is not read, where it stands and what to write instead."""

    path: Path
    text: str | None
    message: str
    line: int


@dataclass(slots=True)
class Document:
    """One YAML document: its value, the line of every path (from 1), and what was refused."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)


CONSTANTS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
STRAY = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")


def resolve(text: str) -> Any:
    """The value of a plain scalar: None, bool, int, float or str, as the engine's program receives it.

    Raises Unclear for what the engine reads as something that JSON cannot carry or that is not what it looks like.
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text == "<<" or DATE.fullmatch(text) or NOT_FINITE.fullmatch(text):
        raise Unclear("is not plain text nor a number that JSON can carry")
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    if found := INTEGER.fullmatch(plain):
        return _integer(found)
    if re.match(r"[-+]?0[bBoO]", plain) or (text[0] == "." and "_" in text and FLOAT.fullmatch(text.replace("_", ""))):
        raise Unclear("looks like a number but is none")
    return _float(plain) if FLOAT.fullmatch(plain) else text


def _integer(found: re.Match[str]) -> int:
    for group, base in ((2, 16), (3, 2), (4, 8), (5, 10)):
        if found[group]:
            value = int(found[1] + found[group], base) if len(found[group]) <= 64 else 2**64
            break
    if not -(2**63) <= value < 2**63:
        raise Unclear("is a whole number beyond 64 bits")
    return value


def _float(plain: str) -> int | float:
    value = float(plain)
    if math.isinf(value):
        raise Unclear("is a number beyond what a double can hold")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


class _Refused(str):
    """A key that was refused; its value is read and dropped, and BROKEN stands in its place."""

    __slots__ = ()


@dataclass(slots=True)
class _Frame:
    """A collection being read. `key` is the key whose value comes next, None when a key comes next."""

    value: dict[str, Any] | list[Any]
    path: Path
    flow: bool
    key: str | None = None


class _Reader:
    """Turns parser events into a Document without recursion, so that depth and aliases cost nothing."""

    def __init__(self) -> None:
        self.document = Document()
        self.frames: list[_Frame] = []
        self.skipping = 0
        self.done = False

    def refuse(self, event: yaml.Event, message: str, text: str | None = None, path: Path | None = None) -> None:
        where = self.next_path() if path is None else path
        self.document.refusals.append(Refusal(where, text, message, _line(event)))

    def next_path(self) -> Path:
        if not self.frames:
            return ()
        top = self.frames[-1]
        if isinstance(top.value, list):
            return (*top.path, len(top.value))
        return top.path if top.key is None else (*top.path, top.key)

    def take(self, event: yaml.Event) -> None:
        """Take one event of the parser."""
        if isinstance(event, yaml.CollectionEndEvent):
            self.close()
        elif self.skipping:
            self.skipping += isinstance(event, yaml.CollectionStartEvent)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.start(event)
        elif isinstance(event, yaml.NodeEvent):
            self.node(event)

    def start(self, event: yaml.DocumentStartEvent) -> None:
        if self.done:
            self.refuse(event, "holds a second document, which the engine does not read: remove it", path=())
            self.skipping = 1
        if event.version or event.tags:
            self.refuse(event, "a % directive is not read: remove it", path=())

    def node(self, event: yaml.NodeEvent) -> None:
        wants_key = bool(self.frames) and isinstance(self.frames[-1].value, dict) and self.frames[-1].key is None
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            kind, mark = ("alias", "*") if isinstance(event, yaml.AliasEvent) else ("anchor", "&")
            self.refuse(event, f"the {kind} {mark}{printable(event.anchor or '')} is not read: write the value out, or quote it")
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event, is_key=wants_key)
            self.key(event, value) if wants_key else self.put(event, value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.skip(event) if wants_key else self.open(event)
        else:
            self.key(event, BROKEN) if wants_key else self.put(event, BROKEN)

    def skip(self, event: yaml.Event) -> None:
        self.key(event, BROKEN)
        self.skipping = 1

    def scalar(self, event: yaml.ScalarEvent, *, is_key: bool) -> Any:
        if event.tag:
            self.refuse(event, f"the tag {printable(event.tag)} is not read: remove it, or quote the text")
            return BROKEN
        if "\n" in event.value and event.value[0] in " \t\n\r\x85\u2028\u2029":
            # Between its two readings the engine writes such text as a block scalar, and loses its head (seen with v3.259.0).
            self.refuse(event, "begins with white space and holds a line break, which the engine does not keep: begin with the first word")
            return BROKEN
        if not event.implicit[0]:
            return event.value
        if "?" in event.value and self.frames and self.frames[-1].flow:
            self.refuse(
                event, "holds a question mark between brackets, where the engine takes it for a key: quote it", printable(event.value)
            )
            return BROKEN
        try:
            return resolve(event.value)
        except Unclear as unclear:
            if is_key:
                return None
            self.refuse(event, f"{unclear}: quote it", printable(event.value))
            return BROKEN

    def key(self, event: yaml.Event, key: Any) -> None:
        """Settle the key of the value that follows; a refused key still takes its value, into nothing."""
        top = self.frames[-1]
        assert isinstance(top.value, dict)
        if key is BROKEN or not isinstance(key, str) or key == "<<":
            text = printable(event.value) if isinstance(event, yaml.ScalarEvent) else None
            why = "merge keys are not read: write the keys out" if text == "<<" else "is not a text key: quote it"
            self.refuse(event, why, text)
            key = _Refused(text or "?")
        elif key in top.value:
            first = self.document.lines[(*top.path, key)]
            self.refuse(event, f"is given twice, first at line {first}: remove one", path=(*top.path, key))
            key = _Refused(key)
        top.key = key
        self.document.lines.setdefault((*top.path, key), _line(event))

    def open(self, event: yaml.CollectionStartEvent) -> None:
        if event.tag:
            self.refuse(event, f"the tag {printable(event.tag)} is not read: remove it")
        if len(self.frames) >= MAX_DEPTH:
            self.refuse(event, f"is nested more than {MAX_DEPTH} deep")
            self.put(event, BROKEN)
            self.skipping = 1
            return
        path = self.next_path()
        self.document.lines.setdefault(path, _line(event))
        self.frames.append(_Frame({} if isinstance(event, yaml.MappingStartEvent) else [], path, bool(event.flow_style)))

    def close(self) -> None:
        if self.skipping:
            self.skipping -= 1
            return
        frame = self.frames.pop()
        value = frame.value
        if isinstance(value, dict):
            value = {key: value[key] for key in sorted(value)}
        self.put(None, value)

    def put(self, event: yaml.Event | None, value: Any) -> None:
        if event is not None:
            self.document.lines.setdefault(self.next_path(), _line(event))
        if not self.frames:
            self.document.value = value
            self.done = True
            return
        top = self.frames[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        else:
            assert top.key is not None
            if isinstance(top.key, _Refused):
                top.value.setdefault(str(top.key), BROKEN)
            else:
                top.value[top.key] = value
            top.key = None


def load(text: str) -> Document:
    """Read one document. Keys come sorted, as the engine hands them on.

    What is refused is in `refusals`, and BROKEN stands in its place; a syntax error ends the reading with what came before it.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if found := STRAY.search(line.removesuffix("\r")):
            name = "a tab" if found[0] == "\t" else f"the character {printable(found[0])}"
            why = f"{name} stands in column {found.start() + 1}: use spaces, or an escape in quotes"
            return Document(refusals=[Refusal((), None, why, number)])
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            reader.take(event)
            if len(reader.document.refusals) >= MAX_REFUSALS:
                reader.refuse(event, "more is refused than can be told", path=())
                break
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = printable(str(getattr(error, "problem", None) or "cannot be read"), 200)
        reader.document.refusals.append(Refusal((), None, f"is not YAML: {problem}", mark.line + 1 if mark else 0))
    return reader.document
