"""What is told at the end of a run beside the outcomes: which examples were rehearsed, and what each left behind by design."""

from typing import Any

from tests.engine.examples import EXAMPLES, SEED, SUBSET, taken


def pytest_terminal_summary(terminalreporter: Any) -> None:
    ended = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, ())]
    told = sorted(text for report in ended if report.when == "call" for name, text in report.user_properties if name == "rehearsed")
    if told:
        whole = f"all {len(EXAMPLES)}" if len(taken()) == len(EXAMPLES) else f"{SUBSET} of {len(EXAMPLES)}, chosen by {SEED}"
        terminalreporter.write_sep("-", f"examples rehearsed ({whole})")
        for text in told:
            terminalreporter.write_line(text)
