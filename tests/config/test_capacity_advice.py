"""Advice of messages and notes: versions are compared, what is paid for comes first, what is over is refused by a review."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from components.catalogue.offerings import not_offered, where_offered, zones_offering
from components.spec import Reading
from infra import clock
from infra.config import AwsPlatform
from infra.reading.faults import ConfigFaults, did_you_mean
from infra.reading.validation import judge
from operations.review import review
from tests.config.fields import data

ROOT = Path(__file__).parents[2]
BLOCK = ROOT / "examples" / "Pulumi.p5-block.yaml"
"""A capacity block that ends on 2027-03-15T11:30:00Z."""


def platform(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["config"]["groundwork:platform"]
    return found


@pytest.mark.parametrize(
    ("version", "word"),
    [("1.32", "older than 1.33"), ("1.9", "older than 1.33"), ("1.99", "newer than 1.35"), ("2.0", "newer"), ("1.34.1", "not supported")],
)
def test_a_version_is_never_taken_for_another_one(version: str, word: str) -> None:
    hint = did_you_mean(version, ["1.33", "1.34", "1.35"])
    assert word in hint
    assert "did you mean" not in hint


def test_a_version_that_is_too_old_is_told_what_there_is() -> None:
    document = data("aws")
    changed = {**document, "cluster": {**document["cluster"], "version": "1.20"}}
    _, faults = judge(AwsPlatform, changed, Reading())
    (fault,) = [fault for fault in faults if fault.path == "cluster.version"]
    assert "older than" in fault.hint
    assert fault.allowed.startswith("1.")


def test_words_still_get_the_word_that_was_meant() -> None:
    assert did_you_mean("vlm", ["vllm", "triton"]) == "did you mean `vllm`?"
    assert did_you_mean("1.32", ["vllm"]) == ""


def notes(capacity: list[Any]) -> list[str]:
    document = platform(BLOCK)
    (name,) = document["cluster"]["pools"]
    pool = document["cluster"]["pools"][name]
    block = pool["capacity"][0]
    pool["max"] = 1
    pool["capacity"] = [block if one == "block" else one for one in capacity]
    found, faults = judge(AwsPlatform, document, Reading())
    assert found is not None, faults
    return [note.text for note in found.notes() if note.subject == f"pool {name}" and "paid for" in note.text]


def test_what_is_bought_anew_before_what_is_paid_for_is_noted() -> None:
    (note,) = notes(["on-demand", "block"])
    assert note.startswith("on-demand is preferred over block ")
    assert notes(["block", "on-demand"]) == []


@pytest.mark.parametrize(("moment", "code"), [("2027-03-14T00:00:00Z", 0), ("2027-03-16T00:00:00Z", None)])
def test_a_review_refuses_a_block_that_is_over(monkeypatch: pytest.MonkeyPatch, moment: str, code: int | None) -> None:
    monkeypatch.delenv(clock.NAME, raising=False)
    monkeypatch.setattr(clock, "deploying", lambda: clock.moment(moment))
    done = CliRunner().invoke(review, ["--config", str(BLOCK), "--json"])
    if code is None:
        assert isinstance(done.exception, ConfigFaults)
        assert [fault.path.rpartition(".")[2] for fault in done.exception.faults] == ["end"]
        assert done.exception.faults[0].line
    else:
        assert done.exit_code == code, done.output
        assert json.loads(done.stdout)["failed"] is False


def test_auto_mode_complains_of_a_placement_only_where_one_is_stated() -> None:
    for placement, told in ((None, False), ("none", False), ("cluster", True)):
        document = data("aws-auto-mode")
        pools = {
            name: {**pool, "fabric": "efa", **({"placement": placement} if placement else {})}
            for name, pool in document["cluster"]["pools"].items()
        }
        _, faults = judge(AwsPlatform, {**document, "cluster": {**document["cluster"], "pools": pools}}, Reading())
        assert any(fault.path.endswith(".fabric") for fault in faults)
        assert any(fault.path.endswith(".placement") for fault in faults) is told


@pytest.mark.parametrize("machine", ["m7i.large", "c6i.xlarge", "no-such.large"])
def test_nothing_is_said_of_where_machines_without_accelerators_are(machine: str) -> None:
    assert zones_offering(machine, "us-west-2") is None
    assert not_offered(machine, "us-west-2", ["us-west-2a", "usw2-az1"]) == ()
    assert "no zone" not in where_offered(machine, "us-west-2")
