"""Every stack file of the project, evaluated once: what assertions over rendered stacks look at."""

from pathlib import Path

from graph.model import Graph
from infra.any_platform import AnyPlatform
from infra.serving import ServingStack
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
STACKS = {path.stem.removeprefix("Pulumi."): path for folder in (ROOT, ROOT / "examples") for path in sorted(folder.glob("Pulumi.*.yaml"))}
"""Stack files by name: the reference stacks and the examples."""


def graph(stack: str) -> Graph:
    """The graph of a stack by name."""
    return evaluate(STACKS[stack]).graph


def platform(stack: str) -> AnyPlatform:
    """The platform of a stack by name; of endpoints alone, their platform as if it held them."""
    found = evaluate(STACKS[stack]).platform
    return found.view if isinstance(found, ServingStack) else found


def on_aws() -> list[str]:
    """Names of stacks whose site is in AWS."""
    return [name for name, path in STACKS.items() if "cloud: aws" in path.read_text(encoding="utf-8")]
