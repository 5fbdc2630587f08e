"""Long child processes: bounded in time, watched, and told about while they run."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

from rehearsal.guarded import Guarded

Progress = Callable[[str], None]
"""Takes one line of text about what is going on, about every second."""

SHOWN: Final = 600
"""Characters of a failed command's last output that are passed on."""


class Failed(Exception):
    """A watched command failed or took too long; the message holds the end of what it wrote."""


class Meter:
    """One line on a terminal, rewritten in place; elsewhere a line at first and then every `pause` seconds."""

    def __init__(self, stream: TextIO | None = None, pause: float = 15.0) -> None:
        self._stream = stream or sys.stderr
        self._pause = pause
        self._next = 0.0

    def __call__(self, text: str) -> None:
        """Show a line, if it is time."""
        if self._stream.isatty():
            columns = os.get_terminal_size(self._stream.fileno()).columns
            self._stream.write(f"\r\x1b[K{text[: columns - 1]}")
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + self._pause
            self._stream.write(f"{text}\n")
        self._stream.flush()

    def done(self) -> None:
        """Leave the line on a terminal."""
        if self._stream.isatty():
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def minutes(seconds: float) -> str:
    """A duration as a person reads it: 9s, 2m05s."""
    whole = int(seconds)
    return f"{whole // 60}m{whole % 60:02d}s" if whole >= 60 else f"{whole}s"


def watched(
    command: Sequence[str], limit: float, label: str, tell: Progress, environ: Mapping[str, str], folder: Path | None = None
) -> None:
    """Run a command to its end, telling `label` and the time it has taken.

    The command and all it starts are killed after `limit` seconds, or when this process is interrupted or killed.
    Raises Failed when it cannot be started, fails, or is killed for its time.
    """
    with tempfile.TemporaryFile() as output:
        try:
            child = Guarded(command, folder, environ, stdout=output, stderr=output, grace=0)
        except OSError as error:
            raise Failed(str(error)) from error
        try:
            code = _wait(child, limit, label, tell)
        finally:
            child.kill()
        if code != 0:
            raise Failed(_last_words(output.fileno()) or f"it ended with code {code}")


def _wait(child: Guarded, limit: float, label: str, tell: Progress) -> int:
    started = time.monotonic()
    while (passed := time.monotonic() - started) < limit:
        tell(f"{label}: {minutes(passed)} (at most {minutes(limit)})")
        try:
            return child.wait(min(1.0, limit - passed))
        except subprocess.TimeoutExpired:
            continue
    raise Failed(f"it took longer than {minutes(limit)}")


def end_of(log: Path) -> str:
    """The last lines of a log file, in one."""
    with log.open("rb") as output:
        return _last_words(output.fileno())


def _last_words(output: int) -> str:
    size = os.fstat(output).st_size
    text = os.pread(output, SHOWN * 4, max(size - SHOWN * 4, 0)).decode(errors="replace")
    return "; ".join(line.strip() for line in text.strip().splitlines()[-3:])[-SHOWN:]
