"""Small projects and stages of their own, away from the user's cache and state folders."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rehearsal.engine import Engine, locate
from rehearsal.stage import Stage

PULUMI_YAML = "name: toy\nruntime: {name: python, options: {toolchain: uv}}\nmain: infra/\n"

Staged = Callable[..., Stage]


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
