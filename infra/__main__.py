"""The Pulumi program: load, compose, export."""

import pulumi

from infra.compose import compose
from infra.config import load_engine


def main() -> None:
    """Declare the stack that the engine asks for."""
    platform = load_engine()
    for name, value in compose(platform, project=pulumi.get_project(), stack=pulumi.get_stack()).items():
        pulumi.export(name, value)


main()
