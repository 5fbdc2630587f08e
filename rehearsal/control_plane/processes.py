"""Servers as child processes: each with a log file, watched while it comes up, ended in the reverse order of starting."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rehearsal.watch import end_of

GRACE: Final = 8.0
"""Seconds that a server has to end after SIGTERM. An API server waits for its watchers for up to a minute, so its clients end first."""
PAUSE: Final = 0.1


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
            self._process = subprocess.Popen(
                [*map(str, command)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
            )

    def wait_until(self, ready: Callable[[], bool], limit: float) -> None:
        """Return once `ready` holds. Raises DidNotStart when the server ends first, or after `limit` seconds."""
        started = time.monotonic()
        while not ready():
            if self._process.poll() is not None:
                raise DidNotStart(f"{self.name} ended with code {self._process.returncode}: {end_of(self.log)}")
            if time.monotonic() - started > limit:
                raise DidNotStart(f"{self.name} was not ready after {limit:g} s: {end_of(self.log)}")
            time.sleep(PAUSE)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        if self.running:
            self._process.terminate()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
