"""What a person reads after a rehearsal: which charts were not judged."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operations.rehearse import SCHEMAS, summary
from rehearsal.actions import Action, Outcome
from rehearsal.events import Facts

STAGE: Any = SimpleNamespace(
    file=SimpleNamespace(altered=False), reports=Path("reports"), root=Path("stage"), stack_file=Path("Pulumi.x.yaml"), stubs=()
)
TYPES = {"kubernetes:core/v1:Service": 2, "kubernetes:argoproj.io/v1alpha1:Rollout": 1, "kubernetes:keda.sh/v1alpha1:ScaledObject": 3}


def told(action: Action, judge: str, types: dict[str, int]) -> list[str]:
    facts = Facts("succeeded", {"create": 6}, (), types, {}, (), ())
    return summary(Outcome(action, "x", 0, 1.0, facts), STAGE, judge).splitlines()


def test_charts_that_were_stubs_are_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [line for line in told("up", SCHEMAS, TYPES) if "stubs" in line]
    monkeypatch.setattr(STAGE, "stubs", ["keda", "kueue"])
    assert "2 charts served as stubs, not judged: keda, kueue" in told("up", SCHEMAS, TYPES)
    assert not [line for line in told("refresh", SCHEMAS, TYPES) if "stubs" in line]


def test_a_report_that_could_not_be_written_is_not_named() -> None:
    facts = Facts("failed", {}, (), {}, {}, (), ())
    outcome = Outcome("up", "x", 1, 1.0, facts)
    assert "report: reports/up.json" in summary(outcome, STAGE, SCHEMAS)
    assert "report: " not in summary(replace(outcome, reported=False), STAGE, SCHEMAS)
