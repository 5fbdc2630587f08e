"""Child processes of a server that must leave none behind."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

GRACE = 5.0
"""Seconds a child has to end after an interrupt before it is killed: what the engine gives its own plugins."""


class Children:
    """The running children. `interrupt_all` ends them for good: none can be started afterwards."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.ending = False

    @contextlib.contextmanager
    def started(
        self, command: Sequence[str], folder: Path, environ: Mapping[str, str], pipes: bool = False
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a child and wait for it on the way out. `pipes` gives stdout and stderr as pipes.

        Raises OSError when it cannot be started, InterruptedError when the server is ending.
        """
        stream = subprocess.PIPE if pipes else None
        with self._lock:
            if self.ending:
                raise InterruptedError("the language host is ending")
            child = subprocess.Popen(command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
            self._running.add(child)
        try:
            with child:
                yield child
        finally:
            with self._lock:
                self._running.discard(child)

    def interrupt_all(self) -> None:
        """Interrupt every child, wait, and kill what is left."""
        with self._lock:
            self.ending = True
            running = list(self._running)
        for child in running:
            interrupt(child, wait=False)
        for child in running:
            interrupt(child)


def interrupt(child: subprocess.Popen[bytes], *, wait: bool = True) -> None:
    """Interrupt a child if it still runs; with `wait`, kill it after the grace period."""
    if child.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    if not wait:
        return
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
