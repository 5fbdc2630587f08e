"""Child processes that do not outlive the process that started them, however that ends."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

GUARD: Final = Path(__file__).with_name("guard.py")
KILL: Final = b"9"
"""What has a guard kill its command (rehearsal.guard.KILL, which is a script of its own)."""
KILLED: Final = 5.0
"""Seconds that a guard has to kill its command."""
Stream = IO[Any] | int | None


class Guarded:
    """A running command behind its guard (rehearsal.guard).

    `ended_by` is the signal that asks it to end, `grace` the seconds it then has when this process
    is gone. `own_group` gives it a process group of its own, so that no terminal signals it.

    Raises FileNotFoundError when there is no such program.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path | None,
        environ: Mapping[str, str],
        *,
        stdin: Stream = subprocess.DEVNULL,
        stdout: Stream = None,
        stderr: Stream = None,
        ended_by: signal.Signals = signal.SIGTERM,
        grace: float = 5.0,
        own_group: bool = True,
    ) -> None:
        program = shutil.which(command[0], path=environ.get("PATH"))
        if program is None:
            raise FileNotFoundError(2, "No such program", str(command[0]))
        watched, self._pipe = os.pipe()
        guard = [sys.executable, "-I", "-S", str(GUARD), str(watched), str(int(ended_by)), str(grace)]
        try:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [*guard, os.path.abspath(program), *map(str, command[1:])],
                cwd=folder,
                env=dict(environ),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(watched,),
                process_group=0 if own_group else None,
            )
        except BaseException:
            self._release()
            raise
        finally:
            os.close(watched)
        self._own_group = own_group

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def ask(self) -> None:
        """Send it the signal that asks it to end; nothing once it has ended."""
        with contextlib.suppress(BrokenPipeError):
            if self._pipe >= 0:
                os.write(self._pipe, b"!")

    def wait(self, limit: float | None = None) -> int:
        """The exit code, negative for a signal; raises subprocess.TimeoutExpired."""
        code = self.process.wait(limit)
        self._release()
        return code

    def end(self, limit: float) -> None:
        """Ask it to end, and kill it with its process group after `limit` seconds."""
        self.ask()
        try:
            self.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()

    def strike(self) -> None:
        """Have it killed with all that it started, without waiting for its end."""
        with contextlib.suppress(BrokenPipeError):
            if self._pipe >= 0:
                os.write(self._pipe, KILL)

    def _strike_guard(self) -> None:
        """Kill the guard, with its process group where that is its own."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                if self._own_group:
                    os.killpg(self.process.pid, signal.SIGKILL)
                else:
                    os.kill(self.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill it with all that it started, and wait until it has ended."""
        if self.running:
            self.strike()
            try:
                self.process.wait(KILLED)
            except subprocess.TimeoutExpired:
                self._strike_guard()
        self.wait()

    def _release(self) -> None:
        pipe, self._pipe = self._pipe, -1
        if pipe >= 0:
            os.close(pipe)
