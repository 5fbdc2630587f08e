"""The engine's state file of one stack, read without the engine, and its copies.

A file backend keeps `.pulumi/stacks/<project>/<stack>.json` and, from before the last write,
`<stack>.json.bak`; each finished update adds `history/<project>/<stack>/*.checkpoint.json`
(pulumi/pulumi v3.259.0, pkg/backend/diy/state.go: saveCheckpoint, addToHistory).
"""

import contextlib
import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rehearsal.folders import write_whole

VERSION: Final = 3
"""The format of a checkpoint that the engine writes (sdk/go/common/apitype: VersionedCheckpoint)."""


class Damaged(Exception):
    """A state file is not whole; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An operation that was begun and whose end the engine did not see: creating, updating, deleting …"""

    operation: str
    urn: str
    token: str
    id: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a state file says."""

    resources: Sequence[Mapping[str, Any]]
    pending: Sequence[Pending]


EMPTY: Final = Checkpoint((), ())


def place(backend: Path, stack: str) -> Path | None:
    """The state file of a stack, whether it is there or only its copy; None when the stack was never made."""
    found = [*backend.glob(f".pulumi/stacks/*/{stack}.json"), *backend.glob(f".pulumi/stacks/*/{stack}.json.bak")]
    return found[0].with_name(f"{stack}.json") if found else None


def read(path: Path) -> Checkpoint:
    """What the file says. Raises Damaged."""
    found = latest(path)
    pending = [_pending(row) for row in found.get("pending_operations") or ()]
    return Checkpoint(found.get("resources") or (), pending)


def states(backend: Path, *, but: Collection[str | None] = ()) -> Iterator[tuple[str, Checkpoint]]:
    """Stacks of a backend with their states, `but` for some; one that is damaged is told when it is used."""
    for path in backend.glob(".pulumi/stacks/*/*.json"):
        if path.stem not in but:
            with contextlib.suppress(Damaged):
                yield path.stem, read(path)


def latest(path: Path) -> Mapping[str, Any]:
    """The deployment that the file holds, as the engine wrote it. Raises Damaged."""
    try:
        return _deployment(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise Damaged(f"{path} is gone, and {path.name}.bak is there") from None
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is cut off or overwritten: {error}") from None
    except TypeError as error:
        raise Damaged(f"{path} is not the engine's: {error}") from None


def _deployment(document: Any) -> Mapping[str, Any]:
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise TypeError(f"no checkpoint of version {VERSION}")
    found: Mapping[str, Any] = (document.get("checkpoint") or {}).get("latest") or {}
    pending = found.get("pending_operations") or ()
    rows = [*(found.get("resources") or ()), *(row["resource"] for row in pending)]
    if not all(isinstance(row, dict) and row.get("urn") and row.get("type") for row in rows):
        raise TypeError("a resource without URN or type")
    return found


def _pending(row: Mapping[str, Any]) -> Pending:
    resource = row["resource"]
    return Pending(operation=row["type"], urn=resource["urn"], token=resource["type"], id=resource.get("id", ""))


def copies(path: Path) -> Iterator[Path]:
    """Sound copies of a state file, the newest first."""
    history = path.parents[2] / "history" / path.parent.name / path.stem
    kept = sorted(history.glob("*.checkpoint.json"), key=lambda copy: copy.stat().st_mtime, reverse=True)
    for copy in (path.with_name(f"{path.name}.bak"), *kept):
        try:
            read(copy)
        except Damaged:
            continue
        yield copy


def never_used(path: Path) -> bool:
    """Whether only the copy of an empty state is there: the stack was removed, and nothing of it is missed."""
    if path.exists():
        return False
    copy = next(copies(path), None)
    return copy is not None and not read(copy).resources


def restore(path: Path, copy: Path) -> Path | None:
    """Put a sound copy in place of a damaged state file; returns where the damaged one is kept."""
    kept = None
    if path.exists():
        kept = path.with_name(f"{path.stem}.damaged-{int(time.time())}")
        path.rename(kept)
    write_whole(path, copy.read_bytes(), 0o600)
    return kept
