"""How long clouds take to create and delete, in seconds, as observed in public logs."""

from dataclasses import dataclass

from graph.types.tables import load, rows


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds: the median and the range observed. `measured` is False where the default for quick calls stands in."""

    median: float
    least: float
    most: float
    measured: bool


def of(token: str, operation: str = "create") -> Latency:
    """The latency of `operation` (create | delete) for a type. Raises KeyError for another operation."""
    default = load("latency")["default"][operation]
    row = rows("latency").get(token, {}).get(operation)
    figures = row or default
    return Latency(figures["p50_s"], figures["min_s"], figures["max_s"], row is not None)
