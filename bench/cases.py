"""Benchmark cases: commands that a cold process runs."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.flat import generate
from bench.measure import Case, Sample, run
from infra.offline import evaluate

ROOT = Path(__file__).parents[1]
REVIEW_DONE = (0, 2)
"""`review` has done its work whether or not the policies passed."""
IMPORTS = ("infra.config", "operations.cli", "infra.compose", "policies", "pulumi", "pulumi_aws", "pulumi_kubernetes")
TABULA_RASA = "nothing"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where a benchmark puts its programs. `folder` is below the checkout and ignored by git."""

    folder: Path
    stack: str

    @property
    def flat(self) -> Path:
        """The flat program."""
        return self.folder / f"flat-{self.stack}.py"

    def prepare(self) -> int:
        """Write the flat program of the stack; returns how many resources it registers."""
        graph = evaluate(ROOT / f"Pulumi.{self.stack}.yaml").graph
        self.folder.mkdir(parents=True, exist_ok=True)
        self.flat.write_text(generate(graph), encoding="utf-8")
        return sum(1 for resource in graph if resource.custom)


def environment() -> Mapping[str, str]:
    """The caller's environment, without what would slow or colour a child."""
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "NO_COLOR": "1"}


def _python(*arguments: str, allowed: tuple[int, ...] = (0,)) -> Sample:
    return run([sys.executable, *arguments], cwd=ROOT, env=environment(), allowed=allowed)


def review_cases(workshop: Workshop) -> dict[str, Case]:
    """The review command, and the flat program under plain mocks."""
    command = ("-c", "from operations.cli import main; main()", "review", "--stack", workshop.stack)
    return {
        "review": lambda: _python(*command, allowed=REVIEW_DONE),
        "flat, mocked": lambda: _python("-m", "bench.mocked", str(workshop.flat)),
    }


def import_cases() -> dict[str, Case]:
    """Imports alone, and an interpreter that imports nothing."""
    return {TABULA_RASA: lambda: _python("-c", "pass")} | {
        f"import {name}": lambda name=name: _python("-c", f"import {name}") for name in IMPORTS
    }
