"""Servers as child processes: each with a log file, watched while it comes up, ended in the reverse order of starting.

They end with this process, also when it is killed: each stands behind a guard (rehearsal.guard).
"""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rehearsal.guarded import Guarded
from rehearsal.watch import end_of

GRACE: Final = 8.0
"""Seconds that a server has to end after SIGTERM. An API server waits for its watchers for up to a minute, so its clients end first."""
PAUSE: Final = 0.1
LOCK_LIMIT: Final = 20.0
"""Seconds until a file must be free that a server of an earlier rehearsal holds: its guard ends it sooner."""


class DidNotStart(Exception):
    """A server ended, or did not become ready in time; the message holds the end of its log."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A running program. `stop` ends it; a server that is killed loses nothing that it had acknowledged, since etcd writes ahead."""

    def __init__(self, name: str, command: Sequence[str | Path], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            environ = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder)}
            self._process = Guarded(command, folder, environ, stdout=log, stderr=log, grace=GRACE)

    def wait_until(self, ready: Callable[[], bool], limit: float) -> None:
        """Return once `ready` holds. Raises DidNotStart when the server ends first, or after `limit` seconds."""
        started = time.monotonic()
        while not ready():
            if not self.running:
                raise DidNotStart(f"{self.name} ended with code {self._process.wait()}: {end_of(self.log)}")
            if time.monotonic() - started > limit:
                raise DidNotStart(f"{self.name} was not ready after {limit:g} s: {end_of(self.log)}")
            time.sleep(PAUSE)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.running

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._process.end(GRACE)


def wait_until_free(path: Path, limit: float = LOCK_LIMIT) -> None:
    """Return once nobody holds the lock of a file, or there is no file. Raises DidNotStart naming the file and who holds it."""
    deadline = time.monotonic() + limit
    while path.exists():
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DidNotStart(f"{path} is locked by {_holders(path)}; end it, or wait for it") from None
                time.sleep(PAUSE)
                continue
        return


def _holders(path: Path) -> str:
    """The processes that hold a file's lock, as Linux tells them (proc(5), /proc/locks)."""
    table = Path("/proc/locks")
    inode = str(path.stat().st_ino)
    rows = [line.split() for line in table.read_text().splitlines()] if table.exists() else []
    found = sorted({row[4] for row in rows if row[1] != "->" and row[5].rpartition(":")[2] == inode})
    return f"process {', '.join(found)}" if found else "a process that cannot be named"
