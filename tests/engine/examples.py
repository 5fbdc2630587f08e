"""The example stacks, and which of them a run takes."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "examples"
EXAMPLES: Final = sorted(FOLDER.glob("Pulumi.*.yaml"))

SEED: Final = "GROUNDWORK_EXAMPLES_SEED"
"""A text, such as the hash of a commit: only `SUBSET` examples are rehearsed then, chosen by it. Without it all are."""
SUBSET: Final = 3


def name_of(path: Path) -> str:
    """The stack of an example."""
    return path.name.split(".")[1]


def taken(examples: Sequence[Path] = tuple(EXAMPLES), seed: str | None = None) -> list[Path]:
    """The examples that a run takes: the same for the same seed, each as likely as any other over many seeds."""
    seed = os.environ.get(SEED, "") if seed is None else seed
    if not seed:
        return list(examples)
    return sorted(sorted(examples, key=lambda path: hashlib.sha256(f"{seed} {path.name}".encode()).digest())[:SUBSET])
