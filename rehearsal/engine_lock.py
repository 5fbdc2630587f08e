"""The engine's own locks in a stage's backend. The stage's lock is above them: whoever holds that knows the others to be stale.

The engine removes its lock only when it ends in order, and a lock never expires (pulumi/pulumi
v3.259.0, pkg/backend/diy/lock.go).
"""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any, Final

WAIT: Final = 15.0
"""Seconds that an engine has to end whose rehearsal was killed: its guard ends it within five."""

PROC: Final = Path("/proc")
"""Where Linux shows processes; elsewhere whoever has the number counts as the engine."""


class EngineRuns(Exception):
    """The engine that holds a lock still runs; the message names it."""


def clear(backend: Path, stack: str, wait: float = WAIT) -> list[str]:
    """Remove the locks of engines that have ended; says which. Raises EngineRuns for one that lives. The stage's lock must be held."""
    said = []
    for path in sorted(backend.glob(f".pulumi/locks/*/*/{stack}/*.json")):
        holder = _holder(path)
        deadline = time.monotonic() + wait
        while _lives(holder, backend):
            if time.monotonic() > deadline:
                raise EngineRuns(f"an engine still works on {stack}: process {holder.get('pid')}; wait for it, or end it")
            time.sleep(0.2)
        path.unlink(missing_ok=True)
        since = f" since {holder['timestamp'][:19]}" if holder.get("timestamp") else ""
        said.append(
            f"the engine's lock on {stack} was stale and has been removed: process {holder.get('pid', '?')}, which held it{since}, "
            "has ended"
        )
    return said


def _holder(path: Path) -> dict[str, Any]:
    """Who wrote a lock; nothing for one that was cut off in its writing."""
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, OSError):
        return {}
    return said if isinstance(said, dict) else {}


def _lives(holder: dict[str, Any], backend: Path) -> bool:
    """Whether the process is there and works on this backend, as far as its environment can be read."""
    pid = holder.get("pid")
    if not isinstance(pid, int) or holder.get("hostname") != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
        if not PROC.exists():
            return True
        process = PROC / str(pid)
        return backend.as_uri().encode() in (process / "environ").read_bytes()
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        # The number went to somebody else's process, unless it is ours and may not be looked into.
        return not PROC.exists() or (PROC / str(pid)).stat().st_uid == os.getuid()
