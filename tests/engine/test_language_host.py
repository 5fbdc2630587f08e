"""The stand-in language host under the real engine: programs and packs, how they fail, and that nothing is left behind."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.reading.faults import ConfigFaults, Fault
from operations.exits import CONFIG_FAULT, INTERNAL_FAULT, POLICY_FAILED
from operations.rehearse import CONFIG_MARK, exit_code
from rehearsal.actions import act
from rehearsal.stage import Stage

pytestmark = pytest.mark.engine

Staged = Callable[..., Stage]

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def no_box(args, report):
    if args.resource_type == "toy:index:Box":
        report(f"{pulumi.get_project()}/{pulumi.get_stack()} {pulumi.Config('toy').require('size')} {args.props['content']}")

PolicyPack("toy-pack", [ResourceValidationPolicy("no-box", "No boxes.", no_box, EnforcementLevel.MANDATORY)])
"""
BOX = """
import pulumi
class Box(pulumi.ComponentResource):
    def __init__(self, name, content):
        super().__init__("toy:index:Box", name, {"content": content})
Box("one", "apples")
"""
SLEEPER = """
import os, pathlib, pulumi, time
class Box(pulumi.ComponentResource):
    pass
Box("toy:index:Box", "one")
pathlib.Path(os.environ["SLEEPER_PID"]).write_text(str(os.getpid()))
time.sleep(120)
"""


def registered(stage: Stage) -> list[str]:
    exported = json.loads(stage.pulumi("stack", "export", check=True).stdout)
    return [found["type"] for found in exported["deployment"].get("resources", [])]


def test_a_refused_configuration_is_one_clean_error_and_nothing_but_the_stack(staged: Staged, capfd: pytest.CaptureFixture[str]) -> None:
    text = str(ConfigFaults([Fault("network.cidr", "10.0.0.1/16", "has host bits"), Fault("tier", None, "is missing")], "Pulumi.dev.yaml"))
    assert CONFIG_MARK in text
    with staged(f"import pulumi\nraise pulumi.RunError({text!r})\n") as stage:
        outcome = act("up", stage, packs=False)
        printed = "".join(capfd.readouterr())
        assert registered(stage) in ([], ["pulumi:pulumi:Stack"])
        raw = stage.pulumi("up", "--yes", "--skip-preview")
        assert registered(stage) == ["pulumi:pulumi:Stack"]
    assert outcome.facts.errors == [text]
    assert exit_code(outcome) == CONFIG_FAULT
    assert "Traceback" not in printed + raw.stdout + raw.stderr
    assert raw.stdout.partition("Diagnostics:")[2].count("error:") == 1


def test_an_exception_is_one_error_with_the_programs_own_frames(staged: Staged) -> None:
    with staged("import pulumi\ndef deep():\n    raise KeyError('boom')\ndeep()\n") as stage:
        outcome = act("preview", stage, packs=False)
    (error,) = outcome.facts.errors
    assert error.startswith("Program failed with an unhandled exception:")
    assert error.endswith("KeyError: 'boom'")
    assert "in deep" in error
    assert "rehearsal/program.py" not in error
    assert exit_code(outcome) == INTERNAL_FAULT


@pytest.mark.parametrize("program", ["import pulumi, sys\nsys.exit(7)\n", "import os, pulumi\nos._exit(7)\n"])
def test_a_program_that_only_ends_badly_is_told_by_its_code(staged: Staged, program: str) -> None:
    with staged(program) as stage:
        outcome = act("preview", stage, packs=False)
    assert any("code 7" in error for error in outcome.facts.errors)


def test_configuration_too_large_for_an_environment_is_one_clean_error(staged: Staged) -> None:
    with staged("import pulumi\n", f"config: {{toy:big: {'x' * 200_000}}}\n") as stage:
        outcome = act("preview", stage, packs=False)
    (error,) = outcome.facts.errors
    assert "could not be started" in error
    assert "Traceback" not in error


def test_a_policy_pack_runs_and_knows_the_stack(staged: Staged, project: Path) -> None:
    pack = project / "policies"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text(PACK)
    with staged(BOX, "config: {toy:size: large}\n") as stage:
        outcome = act("up", stage)
        assert registered(stage) in ([], ["pulumi:pulumi:Stack"])
    (finding,) = outcome.facts.findings
    assert (finding.rule, finding.level, finding.urn.rsplit("::", 1)[1]) == ("no-box", "mandatory", "one")
    assert finding.message.endswith("toy/dev large apples")
    assert exit_code(outcome) == POLICY_FAILED


def test_a_pack_that_cannot_start_fails_the_run_and_says_so(staged: Staged, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pack = project / "policies"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__main__.py").write_text("raise SystemExit('no rules today')\n")
    with staged(BOX) as stage:
        outcome = act("up", stage)
    assert not outcome.fine
    assert "no rules today" in "".join(capfd.readouterr())


def children_of(pid: int) -> set[int]:
    """Every process below this one, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().partition(" (")
            parents[int(number)] = int(rest.rpartition(") ")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found, due = set(), {pid}
    while due:
        due = {child for child, parent in parents.items() if parent in due} - found
        found |= due
    return found


def alive(pids: set[int]) -> set[int]:
    def running(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
        except FileNotFoundError:
            return False

    return {pid for pid in pids if running(pid)}


def gone(pids: set[int], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < limit:
        time.sleep(0.1)
    return not alive(pids)


@pytest.fixture
def sleeping(staged: Staged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple["subprocess.Popen[str]", set[int]]]:
    """An engine whose program sleeps, and every process below it."""
    marker = tmp_path / "pid"
    monkeypatch.setenv("SLEEPER_PID", str(marker))
    with staged(SLEEPER) as stage:
        engine = subprocess.Popen(
            [stage.engine.path, "up", "--yes", "--skip-preview"],
            cwd=stage.copy,
            env=dict(stage.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            for _ in range(300):
                if marker.exists():
                    break
                time.sleep(0.1)
            yield engine, children_of(engine.pid)
        finally:
            if engine.poll() is None:
                os.killpg(engine.pid, signal.SIGKILL)
            engine.communicate()


def test_an_interrupt_ends_everything_without_a_traceback(sleeping: tuple["subprocess.Popen[str]", set[int]]) -> None:
    engine, below = sleeping
    assert len(below) >= 2
    engine.send_signal(signal.SIGINT)
    output, _ = engine.communicate(timeout=30)
    assert engine.returncode != 0
    assert "Traceback" not in output
    assert gone(below, 10), output


def test_a_killed_engine_leaves_no_orphan(sleeping: tuple["subprocess.Popen[str]", set[int]]) -> None:
    engine, below = sleeping
    engine.kill()
    assert gone(below, 15)
