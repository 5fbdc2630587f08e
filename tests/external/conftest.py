"""Programs of Prometheus for the tests that ask them, or why there are none."""

import os
from pathlib import Path

import pytest

from rehearsal.golang import Unavailable
from tests.external import promtool


def had(program: str, config: pytest.Config) -> Path:
    """The program. Without it tests are skipped, but in continuous integration they fail."""
    try:
        return promtool.locate(program)
    except Unavailable as why:
        message = f"{program.upper()} COULD NOT BE HAD, SO NOTHING BUT OUR TESTS HAS READ THE ALERTS: {why}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        config.pluginmanager.get_plugin("terminalreporter").write_line(message, red=True, bold=True)
        pytest.skip(message)


@pytest.fixture(scope="module")
def tool(pytestconfig: pytest.Config) -> Path:
    """promtool."""
    return had("promtool", pytestconfig)


@pytest.fixture(scope="module")
def amtool(pytestconfig: pytest.Config) -> Path:
    """amtool."""
    return had("amtool", pytestconfig)
