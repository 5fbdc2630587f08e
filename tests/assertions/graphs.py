"""Every stack file of the project, evaluated once: what assertions over rendered stacks look at."""

from functools import cache
from pathlib import Path

from graph.model import Graph
from infra.any_platform import AnyPlatform
from infra.aws.platform import AwsPlatform
from infra.config import load_file
from infra.serving import ServingStack
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
STACKS = {path.stem.removeprefix("Pulumi."): path for folder in (ROOT, ROOT / "examples") for path in sorted(folder.glob("Pulumi.*.yaml"))}
"""Stack files by name: the reference stacks and the examples."""


def graph(stack: str) -> Graph:
    """The graph of a stack by name."""
    return evaluate(STACKS[stack]).graph


@cache
def platform(stack: str) -> AnyPlatform:
    """The platform of a stack by name; of endpoints alone, their platform as if it held them."""
    found, _ = load_file(STACKS[stack])
    return found.view if isinstance(found, ServingStack) else found


def with_own_cluster() -> list[str]:
    """Names of stacks that make an EKS cluster."""
    return [name for name in on_aws() if isinstance(platform(name), AwsPlatform)]


def on_aws() -> list[str]:
    """Names of stacks whose site is in AWS."""
    return [name for name, path in STACKS.items() if "cloud: aws" in path.read_text(encoding="utf-8")]
