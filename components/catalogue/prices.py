"""Prices of accelerated machines on demand, where a public table has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from components.catalogue.tables import rows


@dataclass(frozen=True, slots=True)
class Price:
    """A list price with where and when it was read."""

    usd_per_hour: float
    source: str
    as_of: str
    """ISO date of the table, or "undated"."""
    confidence: str
    """high | medium | low."""


@cache
def _prices() -> Mapping[tuple[str, str], Price]:
    return {
        (row["machine"], row["region"]): Price(float(row["usd_per_hour"]), row["source"], row["as_of"], row["confidence"])
        for row in rows("aws_prices")
    }


def on_demand(machine: str, region: str) -> Price | None:
    """The on-demand list price of an accelerated EC2 machine in a region; None where none was found, which is not 0."""
    return _prices().get((machine, region))


def anywhere(machine: str, region: str) -> tuple[Price, str] | None:
    """The price in a region, else in the first other one, by name, where it is known; with the region that it is of."""
    found = {other: price for (name, other), price in _prices().items() if name == machine}
    where = region if region in found else min(found, default="")
    return (found[where], where) if where else None
