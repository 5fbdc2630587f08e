"""The evaluator, once for a run; where it cannot be had that is told in red, and fails in CI."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.flows.evaluator import Missing, provision


@pytest.fixture(scope="session")
def evaluator(pytestconfig: pytest.Config) -> Path:
    """The folder of the evaluator."""
    try:
        return provision()
    except Missing as why:
        message = f"NO IAM EVALUATOR COULD BE HAD, SO NO FLOW WAS JUDGED: {why}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        capture: Any = pytestconfig.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            print(f"\n\033[1;31m{message}\033[0m", file=sys.stderr, flush=True)
        pytest.skip(message)
