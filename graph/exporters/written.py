"""Seals of written files: by its seal a program knows a file again that it wrote itself and that nobody has changed since.

Text carries the seal in a line of its own, `# groundwork: <origin> sha256=<16 digits>`; JSON in the key `groundwork`.
Nothing without a valid seal is overwritten or removed.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

KEY: Final = "groundwork"
_SEAL: Final = re.compile(r"# groundwork: (?P<origin>.*) sha256=(?P<digest>[0-9a-f]{16})")
_MOST: Final = 64 << 20
"""Bytes of a file that is read to learn whose it is; what is larger was not written here."""


class NotOurs(Exception):
    """Something stands where a file is to be written that this program did not write there, or that was changed since."""

    def __init__(self, path: Path, why: str = "") -> None:
        reason = why or "it was not written by this command for this stack, or was changed since"
        super().__init__(f"{path} is there already, and {reason}: move it away, or name another place")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sealed(origin: str, body: str) -> str:
    """The text with its seal as the first line. `origin` says what it was made from, in one line."""
    return f"# groundwork: {origin} sha256={_digest(body)}\n{body}"


def sealed_below(origin: str, body: str) -> str:
    """The text with its seal as the last line; the body must end with a line break."""
    return f"{body}# groundwork: {origin} sha256={_digest(body)}\n"


def sealed_json(origin: str, value: dict[str, Any], **style: Any) -> str:
    """The JSON text of an object with its seal beside its own keys."""
    digest = _digest(json.dumps(value, sort_keys=True))
    return json.dumps({**value, KEY: f"# groundwork: {origin} sha256={digest}"}, **style) + "\n"


def origin(text: str) -> str | None:
    """The origin of a sealed text that was not changed; None for any other text."""
    first, _, below = text.partition("\n")
    above, _, last = text.removesuffix("\n").rpartition("\n")
    for line, body in ((first, below), (last, above + "\n")):
        found = _SEAL.fullmatch(line)
        if found and found["digest"] == _digest(body):
            return found["origin"]
    return _origin_of_json(text) if text[:1] == "{" else None


def _origin_of_json(text: str) -> str | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = _SEAL.fullmatch(str(value.pop(KEY, ""))) if isinstance(value, dict) else None
    return found["origin"] if found and found["digest"] == _digest(json.dumps(value, sort_keys=True)) else None


def origin_of(path: Path) -> str | None:
    """The origin of a file that this program wrote and nobody changed; None for any other. Raises OSError."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST:
        return None
    return origin(path.read_text(encoding="utf-8", errors="replace"))


def check(path: Path, maker: str) -> None:
    """Make sure that a file may be written: nothing is there, or what a text whose origin begins with `maker` left. Raises NotOurs."""
    if os.path.lexists(path) and not (origin_of(path) or "").startswith(maker):
        raise NotOurs(path)


def save(path: Path, text: str) -> None:
    """Write a file whole or not at all, whatever is there. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".groundwork-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(draft, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        raise
