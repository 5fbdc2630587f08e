"""The moment that stack files are judged at: stated, or now for a deployment, and what is over by then is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra import clock
from infra.config import load_file
from infra.reading.faults import ConfigFaults

BLOCK = Path(__file__).parents[2] / "examples" / "Pulumi.p5-block.yaml"
"""A capacity block that ends on 2027-03-15T11:30:00Z."""


@pytest.fixture(autouse=True)
def unstated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.NAME, raising=False)


def test_without_a_statement_a_review_has_no_moment_and_a_deployment_has_now() -> None:
    assert clock.stated() is None
    assert abs(clock.deploying() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_stated_moment_holds_for_reviews_and_deployments_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.NAME, "2027-03-01T00:00:00Z")
    assert clock.stated() == clock.deploying() == datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["tomorrow", "2027-03-01", "2027-03-01T00:00:00+01:00", "2027-13-01T00:00:00Z", "\x1b[31m"])
def test_what_is_no_moment_is_told_with_its_name_and_printable(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(clock.NAME, text)
    with pytest.raises(ConfigFaults) as refused:
        clock.deploying()
    (fault,) = refused.value.faults
    assert (fault.path, "moment in UTC" in fault.message) == (clock.NAME, True)
    assert str(fault).isprintable()


@pytest.mark.parametrize("moment", [None, "2027-03-14T00:00:00Z"])
def test_a_block_is_open_until_it_is_over(monkeypatch: pytest.MonkeyPatch, moment: str | None) -> None:
    if moment:
        monkeypatch.setenv(clock.NAME, moment)
    assert load_file(BLOCK)[0].owner == "ml-platform"


def test_a_block_that_is_over_is_refused_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(clock.NAME, "2027-03-15T11:30:00Z")
    with pytest.raises(ConfigFaults) as refused:
        load_file(BLOCK)
    (fault,) = refused.value.faults
    assert fault.path.endswith("capacity[0].end")
    assert fault.message.startswith("ended at 2027-03-15T11:30:00Z")
