"""`python -m bench`: prints the figures and keeps them under .bench/. Ends with 2 when one is over its bound."""

import json
import os
import platform
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bench.cases import ROOT, Workshop, import_cases, review_cases
from bench.measure import Series, alternate
from bench.preview import preview_cases
from operations.exits import FINE, POLICY_FAILED

OUTPUT = ROOT / ".bench"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median wall time of one case over that of another. `bound` is the most it may be; None is told without a judgement."""

    name: str
    over: str
    bound: float | None

    def of(self, series: Mapping[str, Series]) -> float:
        """The ratio itself."""
        return series[self.name].seconds / series[self.over].seconds


RATIOS = (
    Ratio("review", "flat, mocked", 1.5),
    Ratio("preview", "flat, previewed", 1.3),
    Ratio("preview, packs on", "flat, previewed", None),
)


@click.command()
@click.option("--stack", default="dev", show_default=True, help="Which Pulumi.<stack>.yaml is measured.")
@click.option("--pairs", default=7, show_default=True, type=click.IntRange(1), help="Counted rounds of each case.")
@click.option("--preview/--no-preview", default=True, help="Measure previews on the engine too.")
def main(stack: str, pairs: int, preview: bool) -> None:
    """Measure review and preview against a flat program that registers the same resources."""
    console = Console(stderr=True)
    workshop = Workshop(OUTPUT, stack)
    with console.status("recording the stack") as status, ExitStack() as stages:
        resources = workshop.prepare()
        groups = [review_cases(workshop), import_cases()]
        groups += [preview_cases(workshop, stages, status.update)] if preview else []
        series = {name: row for group in groups for name, row in alternate(group, pairs, status.update).items()}
    ratios = [ratio for ratio in RATIOS if {ratio.name, ratio.over} <= series.keys()]
    _print(Console(), series, ratios, f"{stack}: {resources} resources, medians of {pairs} cold runs in turns")
    _keep(stack, resources, series, ratios)
    sys.exit(POLICY_FAILED if any(r.bound is not None and r.of(series) > r.bound for r in ratios) else FINE)


def _print(console: Console, series: Mapping[str, Series], ratios: list[Ratio], title: str) -> None:
    times = Table("case", "seconds", "CPU seconds", "MiB at the peak", title=title)
    for name, row in series.items():
        times.add_row(name, f"{row.seconds:.3f}", f"{row.cpu:.3f}", f"{row.mebibytes:.0f}")
    bounds = Table("ratio", "is", "at most")
    for ratio in ratios:
        over = ratio.bound is not None and ratio.of(series) > ratio.bound
        bounds.add_row(f"{ratio.name} ÷ {ratio.over}", f"{ratio.of(series):.2f}", f"{ratio.bound or '-'}", style="red" if over else "")
    console.print(times, bounds)


def _keep(stack: str, resources: int, series: Mapping[str, Series], ratios: list[Ratio]) -> None:
    report: dict[str, Any] = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "stack": stack,
        "resources": resources,
        "ratios": [{"name": f"{r.name} / {r.over}", "is": round(r.of(series), 3), "bound": r.bound} for r in ratios],
        "series": [row.to_json() for row in series.values()],
    }
    (OUTPUT / f"{stack}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
