"""Small projects and stages of their own, away from the user's cache and state folders."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rehearsal.engine import Engine, locate
from rehearsal.stage import Stage

PULUMI_YAML = "name: toy\nruntime: {name: python, options: {toolchain: uv}}\nmain: infra/\n"

ROOT = Path(__file__).parents[2]
Staged = Callable[..., Stage]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


class NoClouds:
    """For programs that use no provider."""

    ports: Mapping[str, int] = {}

    def stop(self) -> None:
        pass


@pytest.fixture(scope="session")
def engine() -> Engine:
    return locate()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "toy"
    (folder / "infra").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text(PULUMI_YAML)
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    return folder


@pytest.fixture
def staged(project: Path, tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Staged:
    """A function from a program and a stack file to a stage that has not been entered."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def make(program: str, stack_file: str = "config: {}\n") -> Stage:
        (project / "infra" / "__main__.py").write_text(program)
        (project / "Pulumi.dev.yaml").write_text(stack_file)
        return Stage(project, "dev", engine=engine, clouds=lambda store, faults: NoClouds())

    return make


@pytest.fixture
def groundwork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in a process of its own, on stages that nobody else uses."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def call(*args: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", "from operations.cli import main; main()", "rehearse", *args]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
        assert done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    return call
