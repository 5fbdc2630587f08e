"""Arguments load no provider SDK."""

import subprocess
import sys

import pytest

from components.lazy import lazy

LOADS = """
import sys
import infra.config
import components.aws.registry.registry, components.aws.cluster.eks
print([name for name in sys.modules if name.split(".")[0] in ("pulumi_aws", "pulumi_kubernetes")])
"""


def test_reading_stack_files_loads_no_provider_sdk() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_lazy_module_is_the_module_once_touched() -> None:
    import json

    assert lazy("json").dumps is json.dumps


def test_a_module_that_is_not_there_is_told_when_touched() -> None:
    missing = lazy("no_such_module_here")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_here"):
        missing.anything()
