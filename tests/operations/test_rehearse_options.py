"""Options of the engine that a rehearsal refuses, and what is said of an engine that did not live to tell what it did."""

import pytest

from operations.rehearse import changed
from rehearsal.actions import Outcome
from rehearsal.engine import revealing
from rehearsal.events import NOTHING, Facts


@pytest.mark.parametrize(
    "option",
    ["-v=9", "-v9", "-v", "--verbose=3", "--verbose", "--logtostderr", "--logtostderr=true", "--logflow", "--tracing=file:x", "-yv=9"],
)
def test_what_would_log_secrets_in_clear_is_refused(option: str) -> None:
    assert revealing(["up", "--yes", option]) == option


@pytest.mark.parametrize("option", ["--yes", "-y", "--version", "--verify", "-s", "--stack=dev-v9", "dev-v=9", "--non-interactive"])
def test_other_options_pass(option: str) -> None:
    assert not revealing(["up", option])


def test_an_engine_that_was_killed_did_not_do_nothing() -> None:
    killed = Outcome("up", "x", -9, 1.0, NOTHING, carried_out={"create": 12})
    assert changed(killed).endswith("the clouds carried out: 12 create")
    fine = Outcome("up", "x", 0, 1.0, Facts("succeeded", {}, (), {}, {}, (), ()))
    assert changed(fine) == "nothing to do"
    failed = Outcome("up", "x", 1, 1.0, Facts("failed", {}, (), {}, {}, (), ()))
    assert changed(failed) == "nothing was done"
