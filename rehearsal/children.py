"""Child processes of a server that must leave none behind."""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rehearsal.guarded import Guarded

GRACE = 3.0
"""Seconds a child has to end after a signal before it is killed. The engine gives the server 5 seconds before it kills that."""


class Child:
    """A running child that ends with the server, in a process group of its own: no signal meant for the server reaches it twice."""

    def __init__(self, guarded: Guarded) -> None:
        self._guarded = guarded
        self._lock = threading.Lock()
        self._told = False

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process, for what it writes and how it ends."""
        return self._guarded.process

    def end(self) -> None:
        """Ask it to end, once, and kill it with all it started when it does not within the grace period."""
        self.ask()
        try:
            self._guarded.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._guarded.kill()

    def ask(self) -> None:
        """Ask it to end, if it runs and has not been asked."""
        with self._lock:
            told, self._told = self._told, True
        if not told:
            self._guarded.ask()


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
            guarded = Guarded(command, folder, environ, stdout=stream, stderr=stream, ended_by=ended_by, grace=GRACE)
            child = Child(guarded)
            self._running.add(child)
        try:
            with guarded.process:
                yield child
        finally:
            guarded.wait()
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
