"""Reads the sourced tables under components/data: YAML, and CSV with comment lines, each of which begins with #."""

import csv
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent.parent / "data"


def rows(name: str) -> list[dict[str, str]]:
    """Every row of `<name>.csv` by column."""
    with (DATA / f"{name}.csv").open(encoding="utf-8") as table:
        return list(csv.DictReader(line for line in table if not line.startswith("#")))


def table_of(name: str) -> Any:
    """What a table of components/data, written as YAML, says; read by the C parser where there is one, since every program reads it."""
    return yaml.load((DATA / f"{name}.yaml").read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
