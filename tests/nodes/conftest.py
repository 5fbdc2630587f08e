"""The API server of the tier, and a line at the end of a run that says how much was judged, and what was not."""

from collections import Counter

import pytest

from tests.cluster.conftest import api, server
from tests.nodes import tally

__all__ = ["api", "server"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counted: Counter[str] = tally.COUNTED
    if counted or tally.UNJUDGED:
        judged = ", ".join(f"{count} {name}" for name, count in sorted(counted.items())) or "nothing"
        terminalreporter.write_line(f"nodes: judged {judged}; not judged: {', '.join(sorted(tally.UNJUDGED)) or 'nothing'}")
