"""Measuring: what is counted, in which order, and what a failed child does."""

import os
import sys
from pathlib import Path

import pytest

from bench.__main__ import RATIOS, Ratio
from bench.measure import ChildFailed, Sample, Series, alternate, run


def _run(code: str, *allowed: int) -> Sample:
    return run([sys.executable, "-c", code], cwd=Path.cwd(), env=os.environ, allowed=allowed or (0,))


def test_time_and_memory_of_a_child_are_its_own() -> None:
    small, big = _run("import time; time.sleep(0.2)"), _run("x = bytearray(96 * 2**20)")
    assert small.seconds >= 0.2
    assert small.cpu < small.seconds
    assert big.mebibytes > small.mebibytes + 64


def test_memory_of_a_grandchild_counts() -> None:
    grandchild = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'x = bytearray(96 * 2**20)'])"
    assert _run(grandchild).mebibytes > 96


def test_a_failed_child_is_no_sample() -> None:
    with pytest.raises(ChildFailed, match="ended with 3:\nboom"):
        _run("print('boom'); raise SystemExit(3)")
    assert _run("raise SystemExit(2)", 0, 2).seconds > 0


def test_cases_take_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def case(name: str) -> Sample:
        order.append(name)
        return Sample(float(len(order)), 1.0, 1.0)

    found = alternate({"a": lambda: case("a"), "b": lambda: case("b")}, 2, lambda _: None)
    assert order == ["b", "a", "a", "b", "b", "a"]
    assert [s.seconds for s in found["a"].samples] == [3.0, 6.0]


def test_medians_and_ratios() -> None:
    series = {
        name: Series(name, tuple(Sample(x, 1.0, 1.0) for x in xs)) for name, xs in {"a": (9.0, 3.0, 2.0), "b": (2.0, 1.0, 8.0)}.items()
    }
    assert Ratio("a", "b", 1.5).of(series) == 1.5


def test_the_bounds_are_those_that_were_promised() -> None:
    assert {(r.name, r.bound) for r in RATIOS} == {("review", 1.5), ("preview", 1.3), ("preview, packs on", None)}
