"""A command run in the foreground: interrupted in order, never left behind, never killed by a closed pipe."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from rehearsal.guarded import Guarded
from rehearsal.signals import Signals

PIECE: Final = 1 << 16
DRAIN_LIMIT: Final = 5.0
"""Seconds that output may still come after the command has ended, from what it started."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended; its output is empty when it was not captured."""

    code: int
    stdout: str = ""
    stderr: str = ""


class Relay:
    """A pipe to the command whose content is written on to a descriptor of ours, or kept.

    A command that wrote to a closed pipe itself would be killed by SIGPIPE. Here what nobody reads
    any more is dropped, and the command goes on.
    """

    def __init__(self, target: int | None) -> None:
        self._target = target
        self._kept = bytearray()
        self._source, self.end = os.pipe()
        self._thread = threading.Thread(target=self._pump, daemon=True)

    def begin(self) -> None:
        """Start reading; the command has its end by now."""
        os.close(self.end)
        self._thread.start()

    def finish(self) -> str:
        """What was kept, once all has been read."""
        self._thread.join(DRAIN_LIMIT)
        return bytes(self._kept).decode(errors="replace")

    def _pump(self) -> None:
        with os.fdopen(self._source, "rb", buffering=0) as source:
            while piece := source.read(PIECE):
                if self._target is None:
                    self._kept += piece
                elif self._target >= 0:
                    self._write(self._target, piece)

    def _write(self, target: int, piece: bytes) -> None:
        try:
            while piece:
                piece = piece[os.write(target, piece) :]
        except OSError as error:
            self._target = -1
            # Standard error may be the stream that nobody reads.
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(f"groundwork: the engine's output cannot be written any more ({error.strerror}); it goes on to its end\n")


def run(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    signals: Signals,
    *,
    capture: bool,
    stdout: IO[str] | int | None = None,
) -> Result:
    """Run a command to its end, which is also the end of what it writes.

    A signal to this process asks the command to end, exactly once, and does not end this process
    before it. On a terminal both are interrupted by the terminal; elsewhere, and when it is
    captured, the command has a process group of its own. A captured command is a short step of a
    longer work: it ends by itself, and raises Interrupted then.
    """
    shared = sys.stdin.isatty() and not capture
    streams = _streams(capture, stdout)
    relays = {name: target for name, target in streams.items() if isinstance(target, Relay)}
    with signals.held():
        signals.check()
        child = Guarded(
            command,
            folder,
            environ,
            stdin=subprocess.DEVNULL if capture else None,
            stdout=_descriptor(streams["stdout"]),
            stderr=_descriptor(streams["stderr"]),
            ended_by=signal.SIGINT,
            own_group=not shared,
        )
        try:
            with signals.child(child, shared_terminal=shared, patient=capture):
                for relay in relays.values():
                    relay.begin()
                code = child.wait()
        finally:
            child.kill()
        said = {name: relay.finish() for name, relay in relays.items()}
    if capture:
        signals.check()
        return Result(code, said["stdout"], said["stderr"])
    return Result(code)


def _streams(capture: bool, stdout: IO[str] | int | None) -> dict[str, "Relay | int"]:
    """Where each stream goes: a terminal is not relayed, so that the engine draws on it."""
    if capture:
        return {"stdout": Relay(None), "stderr": Relay(None)}
    out = stdout if isinstance(stdout, int) else stdout.fileno() if stdout else 1
    return {
        name: target if target == subprocess.DEVNULL or os.isatty(target) else Relay(target)
        for name, target in (("stdout", out), ("stderr", 2))
    }


def _descriptor(stream: "Relay | int") -> int:
    return stream.end if isinstance(stream, Relay) else stream
