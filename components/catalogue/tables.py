"""Reads the sourced tables under components/data: CSV with comment lines, each of which begins with #."""

import csv
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


def rows(name: str) -> list[dict[str, str]]:
    """Every row of `<name>.csv` by column."""
    with (DATA / f"{name}.csv").open(encoding="utf-8") as table:
        return list(csv.DictReader(line for line in table if not line.startswith("#")))
