"""The API server of the tier, and a line at the end of a run that says how much was judged, and what was not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.control_plane.processes import DidNotStart
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.tools import NoControlPlane, locate
from rehearsal.golang import Unavailable
from tests.cluster.conftest import give_up
from tests.nodes import tally


@pytest.fixture(scope="session")
def plain(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server without custom kinds; where none can be had that is told in red, and fails in continuous integration."""
    folder: Path = tmp_path_factory.mktemp("control-plane")
    try:
        made = ApiServer(folder, locate())
        made.__enter__()
    except (NoControlPlane, Unavailable, DidNotStart) as why:
        give_up(pytestconfig, why)
    try:
        yield made
    finally:
        made.__exit__(None, None, None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was judged in this process."""
    if tally.COUNTED or tally.UNJUDGED:
        judged = ", ".join(f"{count} {name}" for name, count in sorted(tally.COUNTED.items())) or "nothing"
        terminalreporter.write_line(f"nodes: judged {judged}; not judged: {', '.join(sorted(tally.UNJUDGED)) or 'nothing'}")
