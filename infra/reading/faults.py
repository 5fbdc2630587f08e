"""Faults of a stack file, and their rendering: every one at once, each with its path, and never a secret."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Path = tuple[str | int, ...]
"""Where a value stands: keys and list positions, from the root of what it is relative to."""

SHOWN = 60
"""Characters of a value or key that a message shows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken place of a stack file.

    `path` is relative to the platform, or begins with `config:` or `file` for what stands outside it.
    `value` is what stands there, made safe to print, or None when nothing does or it must not be shown.
    `line` counts from 1; 0 when it is not known.
    """

    path: str
    value: str | None
    message: str
    allowed: str = ""
    hint: str = ""
    line: int = 0

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {self.value}"
        notes = [f"allowed: {self.allowed}"] if self.allowed else []
        notes += [self.hint] if self.hint else []
        return "\n      ".join([f"{self.path}{shown}: {self.message}", *notes])


class ConfigFaults(Exception):
    """A stack's configuration cannot be used; `faults` is all that is wrong with it, `source` the name of the file it came from."""

    def __init__(self, faults: Iterable[Fault], source: str = "the configuration") -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        self.source = source
        super().__init__(render(self))


def render(found: ConfigFaults, *, lines: bool = False) -> str:
    """The faults as text for a terminal; `lines` adds where in the file each stands, where that is known."""
    count = "1 fault" if len(found.faults) == 1 else f"{len(found.faults)} faults"
    rows = [f"  {fault}" + (f"\n      at line {fault.line}" if lines and fault.line else "") for fault in found.faults]
    return "\n".join([f"{found.source} is not a valid configuration: {count}", *rows])


def printable(text: str, limit: int = SHOWN) -> str:
    """The text with everything that does not print escaped, and cut to `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def spell(path: Path) -> str:
    """A path as it is written for `pulumi config set --path`: `cluster.pools["odd name"].taints[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("-", "").replace("_", "").isalnum() and part.isascii() and len(part) <= SHOWN:
            text += f".{part}" if text else part
        else:
            text += f'["{printable(part)}"]'
    return text or "platform"


_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)+)")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """The hint for the known word closest to what was written, or nothing. A version is compared, since no other one was meant."""
    words = list(known)
    if not isinstance(word, str) or len(word) > SHOWN:
        return ""
    if _VERSION.fullmatch(word):
        return _beside(word, [text for text in words if _VERSION.fullmatch(text)])
    near = get_close_matches(word, words, 1)
    return f"did you mean `{near[0]}`?" if near else ""


def _beside(version: str, known: list[str]) -> str:
    """The hint for a version that is not among those supported."""
    if not known:
        return ""
    oldest, newest = min(known, key=_numbers), max(known, key=_numbers)
    if _numbers(version) < _numbers(oldest):
        return f"it is older than {oldest}, the oldest that is supported here"
    if _numbers(version) > _numbers(newest):
        return f"it is newer than {newest}, the newest that is known here"
    return "it is not supported here"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").split("."))
