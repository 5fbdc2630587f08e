"""Faults files: refused with every place that is wrong; counted and applied as written."""

from pathlib import Path

import pytest

from rehearsal.faults import Faults, FaultsInvalid, catalogue, parse, read


def no_wait(seconds: float) -> None:
    raise AssertionError(f"waited {seconds}")


def strikes(faults: Faults, times: int, *, token: str = "aws:eks/nodeGroup:NodeGroup", attempts: int = 1) -> list[str]:
    struck = [faults.strike("create", token, "urn::pool", attempts=attempts, wait=no_wait) for _ in range(times)]
    return [str(one[1]) if one else "" for one in struck]


def test_the_named_calls_fail_and_no_others() -> None:
    faults = Faults(parse({"faults": [{"operation": "create", "type": "aws:eks/*", "calls": [2, 3], "message": "no"}]}))
    assert strikes(faults, 4) == ["", "no", "no", ""]
    assert strikes(faults, 1, token="aws:s3/bucket:Bucket") == [""]
    assert faults.met == (4,)


def test_another_operation_is_not_counted() -> None:
    faults = Faults(parse({"faults": [{"operation": "delete", "calls": "all", "message": "no"}]}))
    assert strikes(faults, 2) == ["", ""]
    assert faults.met == (0,)


def test_throttling_shorter_than_the_sdks_patience_is_survived() -> None:
    rows = {"faults": [{"operation": "create", "error": "throttling", "calls": [1, 2, 3]}]}
    assert strikes(Faults(parse(rows)), 1, attempts=4) == [""]
    assert strikes(Faults(parse(rows)), 1, attempts=3) == ["ThrottlingException: Rate exceeded"]


def test_what_is_not_retryable_is_met_once() -> None:
    faults = Faults(parse({"faults": [{"operation": "create", "error": "insufficient-capacity", "calls": [1]}]}))
    (first, second) = strikes(faults, 2, attempts=25)
    assert first.startswith("InsufficientInstanceCapacity")
    assert second == ""


def test_latency_waits_for_its_seconds() -> None:
    waited: list[float] = []
    faults = Faults(parse({"faults": [{"operation": "*", "latency": 2.5, "calls": "all"}]}))
    assert faults.strike("read", "t", "u", attempts=1, wait=waited.append) is None
    assert waited == [2.5]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"operation": "explode", "message": "x"}, "faults.0.operation"),
        ({"operation": "create"}, "give an `error`, a `message` or a `latency`"),
        ({"operation": "create", "error": "gremlins"}, "`error` must be one of"),
        ({"operation": "create", "error": "throttling", "message": "x"}, "not both"),
        ({"operation": "create", "message": "x", "calls": [0]}, "greater than or equal to 1"),
        ({"operation": "read", "message": "x", "when": "after"}, "is for create, update and delete"),
        ({"operation": "delete", "message": "x", "when": "partial"}, "is for create and update"),
        ({"operation": "create", "message": "x", "typo": 1}, "faults.0.typo"),
    ],
)
def test_a_wrong_row_is_refused_with_its_place(row: dict[str, object], told: str) -> None:
    with pytest.raises(FaultsInvalid) as refused:
        parse({"faults": [row]})
    assert told in str(refused.value)


def test_every_wrong_row_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n- {operation: x, message: y}\n- {operation: create, message: y, calls: [0]}\n")
    with pytest.raises(FaultsInvalid) as refused:
        read(path)
    assert "faults.0.operation" in str(refused.value)
    assert "faults.1.calls" in str(refused.value)


def test_a_file_that_is_not_there_or_not_yaml_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FaultsInvalid, match=r"nowhere\.yaml"):
        read(tmp_path / "nowhere.yaml")
    (tmp_path / "bad.yaml").write_text("faults: [")
    with pytest.raises(FaultsInvalid, match=r"bad\.yaml"):
        read(tmp_path / "bad.yaml")


def test_every_named_error_says_where_it_comes_from() -> None:
    assert all(kind.source.strip() and kind.message.strip() for kind in catalogue().values())
