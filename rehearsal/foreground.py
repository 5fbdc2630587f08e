"""A command run in the foreground: interrupted once, never left behind."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended; its output is empty when it was not captured."""

    code: int
    stdout: str = ""
    stderr: str = ""


def run(command: Sequence[str], folder: Path, environ: Mapping[str, str], *, capture: bool, stdout: IO[str] | int | None = None) -> Result:
    """Run a command to its end.

    An interrupt or a termination of this process reaches the command exactly once and does not end this process before it:
    on a terminal both are interrupted by the terminal, elsewhere the command has a group of its own and is sent what we are sent.
    """
    own_group = not sys.stdin.isatty()
    output: IO[str] | int | None = subprocess.PIPE if capture else stdout
    child = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environ),
        text=True,
        stdin=subprocess.DEVNULL if capture else None,
        stdout=output,
        stderr=subprocess.PIPE if capture else None,
        process_group=0 if own_group else None,
    )

    def pass_on(number: int, frame: FrameType | None) -> None:
        if own_group or number == signal.SIGTERM:
            child.send_signal(signal.SIGINT)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        said, complained = child.communicate()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            child.kill()
            child.wait()
    return Result(child.returncode, said or "", complained or "")
