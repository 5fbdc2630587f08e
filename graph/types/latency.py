"""How long clouds take to create and delete, in seconds, as observed in public logs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graph.types.tables import load, rows

NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds: the median and the range observed. `measured` is False where the default for quick calls stands in."""

    median: float
    least: float
    most: float
    measured: bool


def of(token: str, operation: str = "create", inputs: Mapping[str, Any] = NOTHING) -> Latency:
    """The latency of `operation` (create | delete) for a type, of the variant that the inputs make of it where there are several.

    Raises KeyError for another operation.
    """
    default = load("latency")["default"][operation]
    row = _variant(rows("latency").get(token, NOTHING), operation, inputs)
    figures = row or default
    return Latency(figures["p50_s"], figures["min_s"], figures["max_s"], row is not None)


def _variant(row: Mapping[str, Any], operation: str, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The figures of the first variant whose conditions hold; those of the type when none does, or nothing is known of the inputs."""
    variants = row.get("variants", NOTHING).values() if inputs else ()
    for variant in variants:
        if operation in variant and all(inputs.get(name) in allowed for name, allowed in variant["when"].items()):
            found: Mapping[str, Any] = variant[operation]
            return found
    figures: Mapping[str, Any] | None = row.get(operation)
    return figures
