"""Children that end with the process that started them, however it ends, and signals that end a command in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.guarded import Guarded

ROOT = Path(__file__).parents[2]
STARTER = """
import os, sys, time
from pathlib import Path
from rehearsal.guarded import Guarded
child = Guarded(["sh", "-c", sys.argv[1]], Path(sys.argv[2]), os.environ, grace=float(sys.argv[3]))
Path(sys.argv[2], "guard").write_text(str(child.process.pid))
child.wait()
"""
SLEEPS = "echo $$ > pid; exec sleep 60"
STUBBORN = "trap '' TERM; echo $$ > pid; sleep 60; sleep 60"


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(holds: object, seconds: float = 20) -> bool:
    limit = time.monotonic() + seconds
    while not holds() and time.monotonic() < limit:  # type: ignore[operator]
        time.sleep(0.05)
    return bool(holds())  # type: ignore[operator]


def started(folder: Path, script: str, grace: float = 5) -> tuple["subprocess.Popen[bytes]", int]:
    """A process that has started a guarded command, and the command's process id."""
    starter = subprocess.Popen([sys.executable, "-c", STARTER, script, str(folder), str(grace)], cwd=ROOT)
    assert until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().strip())
    return starter, int((folder / "pid").read_text())


@pytest.mark.parametrize(("script", "grace"), [(SLEEPS, 5.0), (STUBBORN, 0.5)])
def test_a_command_ends_when_its_starter_is_killed(tmp_path: Path, script: str, grace: float) -> None:
    starter, command = started(tmp_path, script, grace)
    starter.kill()
    starter.wait()
    assert until(lambda: not running(command))


def test_a_command_is_killed_with_its_guard(tmp_path: Path) -> None:
    starter, command = started(tmp_path, SLEEPS)
    os.kill(int((tmp_path / "guard").read_text()), signal.SIGKILL)
    assert starter.wait(20) == 0
    assert until(lambda: not running(command))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a group of its own is not found")
@pytest.mark.parametrize("end", ["starter", "command", "in order", "struck"])
def test_what_has_a_group_of_its_own_ends_too(tmp_path: Path, end: str) -> None:
    """The engine gives each plugin a process group, and a plugin that lost its engine lives on."""
    script = "setsid sleep 62 & echo $! > apart; echo $$ > pid; " + ("exit 0" if end == "in order" else "sleep 63; sleep 63")
    apart = tmp_path / "apart"
    if end == "struck":
        child = Guarded(["sh", "-c", script], tmp_path, os.environ)
        assert until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
        child.kill()
    else:
        starter, command = started(tmp_path, script, 0.3)
        if end == "starter":
            starter.kill()
        if end == "command":
            os.kill(command, signal.SIGKILL)
        starter.wait(20)
    assert until(lambda: not running(int(apart.read_text())))


def test_a_hang_up_does_not_reach_it(tmp_path: Path) -> None:
    starter, command = started(tmp_path, SLEEPS)
    os.kill(command, signal.SIGHUP)
    time.sleep(0.3)
    assert running(command)
    starter.kill()
    starter.wait()


def test_it_ends_as_its_command_does() -> None:
    assert Guarded(["sh", "-c", "exit 7"], None, os.environ).wait(20) == 7
    assert Guarded(["sh", "-c", "kill -TERM $$"], None, os.environ).wait(20) == -signal.SIGTERM
    with pytest.raises(FileNotFoundError):
        Guarded(["/no/such/program"], None, os.environ)


def test_what_is_asked_before_it_runs_is_not_lost() -> None:
    child = Guarded(["sleep", "60"], None, os.environ)
    child.ask()
    assert child.wait(20) == -signal.SIGTERM


def test_what_does_not_end_when_asked_is_killed_with_all_it_started(tmp_path: Path) -> None:
    child = Guarded(["sh", "-c", "trap '' TERM; sleep 61 & echo $! > pid; wait; wait"], tmp_path, os.environ)
    assert until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    child.end(0.3)
    assert until(lambda: not running(int((tmp_path / "pid").read_text())))


FOREGROUND = """
import os, sys
from pathlib import Path
from rehearsal.foreground import run
from rehearsal.signals import Signals, Interrupted
import rehearsal.signals
rehearsal.signals.PATIENCE = 0.5
with Signals() as signals:
    try:
        done = run(["sh", "-c", sys.argv[1]], Path(sys.argv[2]), os.environ, signals, capture=sys.argv[3] == "capture")
    except Interrupted as stopped:
        sys.exit(stopped.code)
sys.exit(done.code % 256)
"""


def foreground(folder: Path, script: str, mode: str = "show") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", FOREGROUND, script, str(folder), mode]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_closed_pipe_does_not_kill_the_command(tmp_path: Path) -> None:
    parent = foreground(tmp_path, "echo one; sleep 0.5; echo two; echo three; : > done; exit 5")
    assert parent.stdout is not None
    assert parent.stderr is not None
    assert parent.stdout.readline() == b"one\n"
    parent.stdout.close()
    assert parent.wait(20) == 5
    assert (tmp_path / "done").exists()
    assert b"cannot be written any more" in parent.stderr.read()
    parent.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_asks_the_command_to_end(tmp_path: Path, number: signal.Signals) -> None:
    parent = foreground(tmp_path, "trap 'exit 9' INT; : > ready; while :; do sleep 0.05; done")
    assert until((tmp_path / "ready").exists)
    parent.send_signal(number)
    parent.communicate(timeout=20)
    assert parent.returncode == 9


def test_a_command_that_ignores_signals_is_killed_in_time(tmp_path: Path) -> None:
    parent = foreground(tmp_path, "trap '' INT TERM; : > ready; while :; do sleep 0.05; done")
    assert until((tmp_path / "ready").exists)
    parent.send_signal(signal.SIGINT)
    _, said = parent.communicate(timeout=20)
    assert parent.returncode == 256 - signal.SIGKILL
    assert b"it is killed" in said


def test_a_short_step_is_finished_before_a_signal_breaks_the_work_off(tmp_path: Path) -> None:
    parent = foreground(tmp_path, ": > ready; sleep 0.3; : > done", "capture")
    assert until((tmp_path / "ready").exists)
    parent.send_signal(signal.SIGTERM)
    parent.communicate(timeout=20)
    assert parent.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "done").exists()
