"""For every test: evaluations that a run's processes share, and what is told at its end of examples rehearsed and files fuzzed."""

import gc
import os
from typing import Any

import pytest

from tests import evaluated
from tests.engine.examples import EXAMPLES, SEED, SUBSET, taken


@pytest.fixture(scope="session", autouse=True)
def _evaluated_once(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    if worker_id != "master":
        evaluated.share(tmp_path_factory.getbasetemp().parent / "evaluated")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each process of a run begin with tests marked `long`: one left to the end keeps the others waiting."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    first = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    size = -(-len(rest) // processes)
    items[:] = [item for index in range(processes) for item in (*first[index::processes], *rest[index * size : (index + 1) * size])]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking again and again at modules and tests, which live until the end."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    ended = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, ())]
    for text in (text for report in ended if report.when == "call" for name, text in report.user_properties if name == "fuzz"):
        terminalreporter.write_line(f"fuzz: {text}")
    told = sorted(text for report in ended if report.when == "call" for name, text in report.user_properties if name == "rehearsed")
    if told:
        whole = f"all {len(EXAMPLES)}" if len(taken()) == len(EXAMPLES) else f"{SUBSET} of {len(EXAMPLES)}, chosen by {SEED}"
        terminalreporter.write_sep("-", f"examples rehearsed ({whole})")
        for text in told:
            terminalreporter.write_line(text)
