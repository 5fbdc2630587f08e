"""References between resources: type token and property path to the types that may be named there.

A path has no list indexes: `routes.natGatewayId` stands for that property of every item.
"""

from collections.abc import Mapping

from graph.types.tables import rows


def of(token: str) -> Mapping[str, tuple[str, ...]]:
    """The reference properties of a type and what each may name; empty for a type without any."""
    return {path: tuple(tokens) for path, tokens in rows("references").get(token, {}).items()}
