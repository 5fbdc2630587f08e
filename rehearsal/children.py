"""Child processes of a server that must leave none behind."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

GRACE = 3.0
"""Seconds a child has to end after a signal before it is killed. The engine gives the server 5 seconds before it kills that."""


class Child:
    """A running child, in a process group of its own: signals meant for the server do not reach it, and none reaches it twice."""

    def __init__(self, process: "subprocess.Popen[bytes]", ended_by: signal.Signals) -> None:
        self.process = process
        self._ended_by = ended_by
        self._lock = threading.Lock()
        self._told = False

    def end(self) -> None:
        """Ask it to end, once, and kill it with all it started when it does not within the grace period."""
        self.ask()
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._send(signal.SIGKILL)

    def ask(self) -> None:
        """Ask it to end, if it runs and has not been asked."""
        with self._lock:
            told, self._told = self._told, True
        if not told:
            self._send(self._ended_by)

    def _send(self, number: signal.Signals) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


class Children:
    """The running children. After `end_all` none can be started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Child] = set()
        self.ending = False

    @contextlib.contextmanager
    def started(
        self,
        command: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        *,
        pipes: bool = False,
        ended_by: signal.Signals = signal.SIGINT,
    ) -> Iterator[Child]:
        """Start a child and wait for it on the way out. `pipes` gives stdout and stderr as pipes, `ended_by` is the signal that ends it.

        Raises OSError when it cannot be started, InterruptedError when the server is ending.
        """
        stream = subprocess.PIPE if pipes else None
        with self._lock:
            if self.ending:
                raise InterruptedError("the language host is ending")
            process = subprocess.Popen(
                command, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, process_group=0
            )
            child = Child(process, ended_by)
            self._running.add(child)
        try:
            with process:
                yield child
        finally:
            with self._lock:
                self._running.discard(child)

    def end_all(self) -> None:
        """End every child."""
        with self._lock:
            self.ending = True
            running = list(self._running)
        for child in running:
            child.ask()
        for child in running:
            child.end()
