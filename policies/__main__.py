"""Started by the engine for `--policy-pack policies`."""

import sys
from pathlib import Path

# The engine's host runs this folder as a program; the rooms stand beside it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from policies.pack import pack  # after the path above

pack()
