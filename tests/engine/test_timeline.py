"""The simulated time to ready against the engine itself, with clouds that take their time; and what a rehearsed `up` tells of it."""

import functools
import json
from pathlib import Path

import pytest

from graph.types import latency
from rehearsal.stage import Stage, stand_in_clouds
from rehearsal.store import Store
from review.timeline import timeline
from tests.engine.conftest import ROOT, Command
from tests.evaluated import evaluate

pytestmark = pytest.mark.engine

PACE = 0.1
"""Seconds a stand-in cloud takes for each second of a real one."""
PARALLEL = 12
"""Few enough that resources queue for the engine."""


def took(stage: Stage) -> float:
    """Seconds of the real cloud from the beginning of the first creation to the end of the last, as the stand-in clouds saw them."""
    with Store(stage.store) as store:
        tokens = {found.urn: (found.token, found.inputs) for found in store.objects()}
        ended = {operation.urn: operation.at for operation in store.operations() if operation.operation == "create"}
    began = min(at - PACE * latency.of(tokens[urn][0], inputs=tokens[urn][1]).median for urn, at in ended.items())
    return (max(ended.values()) - began) / PACE


@pytest.mark.quiet
def test_the_simulation_is_within_a_tenth_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    simulated = timeline(evaluate(ROOT / "Pulumi.dev.yaml").graph, PARALLEL)
    with Stage(ROOT, "dev", clouds=functools.partial(stand_in_clouds, pace=PACE)) as stage:
        done = stage.pulumi("up", "--yes", "--skip-preview", "--parallel", str(PARALLEL))
        assert done.code == 0, done.stdout[-3000:] + done.stderr[-3000:]
        real = took(stage)
    print(f"simulated {simulated.makespan:.0f} s, the engine took {real:.0f} s at a pace of {PACE}")
    assert real == pytest.approx(simulated.makespan, rel=0.1)


def test_up_tells_the_time_to_ready_that_the_review_told(groundwork: Command) -> None:
    told = json.loads(groundwork("up", "--stack", "onprem", "--no-packs", "--timeline", "--parallel", "3", "--json").stdout)["timeline"]
    reviewed = timeline(evaluate(ROOT / "Pulumi.onprem.yaml").graph, 3)
    assert (told["makespan"], told["bound"], told["parallel"]) == (reviewed.makespan, reviewed.bound, 3)
    shown = groundwork("up", "--stack", "onprem", "--no-packs", "--timeline").stdout
    assert "Time to ready" in shown
    assert "from nothing at --parallel 32" in shown
