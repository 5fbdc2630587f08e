"""Exit codes: a contract with the scripts that call `groundwork`."""

from typing import Final

FINE: Final = 0
INTERNAL_FAULT: Final = 1
POLICY_FAILED: Final = 2
CONFIG_FAULT: Final = 3
