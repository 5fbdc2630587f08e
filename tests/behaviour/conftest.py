"""Counts of what each judge of behaviour judged, told at the end of a run."""

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    ended = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, ())]
    told = [(k, text) for r in ended if r.when == "call" for k, text in r.user_properties]
    lines = sorted(text for key, text in told if key == "judged")
    if lines:
        terminalreporter.write_sep("-", "judged")
        for line in lines:
            terminalreporter.write_line(line)
