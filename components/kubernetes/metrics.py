"""Metrics that exporters give to Prometheus, read from a sourced table: queries of ours name nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from components.catalogue.tables import table_of

Kind = Literal["gauge", "counter"]


@dataclass(frozen=True, slots=True)
class Exporter:
    """One program whose metrics are collected."""

    name: str
    source: str
    """Where the names were read."""
    series: Mapping[str, Kind]
    """Series by name; those of a histogram under the names that are queried."""
    buckets: Mapping[str, tuple[float, ...]]
    """Upper bounds of histograms, in their unit, so far as they are known."""
    asked: frozenset[str] = frozenset()
    """Those of its series that it exports only where it is told to."""


@cache
def exporters() -> Mapping[str, Exporter]:
    """Every known exporter by name."""
    rows: Mapping[str, Mapping[str, Any]] = table_of("metrics")["exporters"]
    return {name: _exporter(name, row) for name, row in rows.items()}


def _exporter(name: str, row: Mapping[str, Any]) -> Exporter:
    histograms: Mapping[str, list[float]] = row.get("histograms", {})
    series: dict[str, Kind] = dict.fromkeys(row.get("gauges", ()), "gauge")
    series |= dict.fromkeys(row.get("counters", ()), "counter")
    asked: list[str] = row.get("asked", [])
    series |= dict.fromkeys(asked, "gauge")
    series |= {f"{metric}_{part}": "counter" for metric in histograms for part in ("bucket", "sum", "count")}
    known = {metric: tuple(map(float, bounds)) for metric, bounds in histograms.items() if bounds}
    return Exporter(name, row["source"], series, known, frozenset(asked))


def buckets(exporter: str, histogram: str) -> tuple[float, ...]:
    """Upper bounds of a histogram. Raises KeyError where they are not known."""
    return exporters()[exporter].buckets[histogram]
