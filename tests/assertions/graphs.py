"""Every stack file of the project, evaluated once: what assertions over rendered stacks look at."""

from functools import cache
from pathlib import Path

from graph.model import Graph
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
STACKS = {path.stem.removeprefix("Pulumi."): path for folder in (ROOT, ROOT / "examples") for path in sorted(folder.glob("Pulumi.*.yaml"))}
"""Stack files by name: the reference stacks and the examples."""


@cache
def graph(stack: str) -> Graph:
    """The graph of a stack by name."""
    return evaluate(STACKS[stack]).graph


def on_aws() -> list[str]:
    """Names of stacks whose site is in AWS."""
    return [name for name, path in STACKS.items() if "cloud: aws" in path.read_text(encoding="utf-8")]
