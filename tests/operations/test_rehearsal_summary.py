"""What a person reads after a rehearsal: what was not judged, and of a real API server, that storing is not acting."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operations.rehearse import API_SERVER, SCHEMAS, summary
from rehearsal.actions import Action, Outcome
from rehearsal.events import Facts

STAGE: Any = SimpleNamespace(
    file=SimpleNamespace(altered=False), reports=Path("reports"), root=Path("stage"), stack_file=Path("Pulumi.x.yaml"), stubs=()
)
TYPES = {"kubernetes:core/v1:Service": 2, "kubernetes:argoproj.io/v1alpha1:Rollout": 1, "kubernetes:keda.sh/v1alpha1:ScaledObject": 3}
UNTOUCHED = "they are stored, no more: no pod was started"


def told(action: Action, judge: str, types: dict[str, int]) -> list[str]:
    facts = Facts("succeeded", {"create": 6}, (), types, {}, (), ())
    return summary(Outcome(action, "x", 0, 1.0, facts), STAGE, judge).splitlines()


def test_a_rollout_that_was_accepted_is_told_apart_from_one_that_answers() -> None:
    assert f"{UNTOUCHED}; no operator acted on 1 Rollout, 3 ScaledObject" in told("up", API_SERVER, TYPES)
    assert UNTOUCHED in told("up", API_SERVER, {"kubernetes:core/v1:Service": 2})


@pytest.mark.parametrize(("action", "judge"), [("up", SCHEMAS), ("preview", API_SERVER), ("destroy", API_SERVER)])
def test_nothing_of_the_kind_is_said_where_nothing_was_stored(action: Action, judge: str) -> None:
    assert not [line for line in told(action, judge, TYPES) if line.startswith(UNTOUCHED)]


def test_charts_that_were_stubs_are_counted_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [line for line in told("up", SCHEMAS, TYPES) if "stubs" in line]
    monkeypatch.setattr(STAGE, "stubs", ["keda", "kueue"])
    assert "2 charts served as stubs, not judged: keda, kueue" in told("up", SCHEMAS, TYPES)
    assert not [line for line in told("refresh", SCHEMAS, TYPES) if "stubs" in line]
