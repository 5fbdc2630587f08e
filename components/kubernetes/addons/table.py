"""The add-on table: what is installed on clusters by Helm, at which versions, read from `components/data/addons.yaml`."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from components.catalogue.tables import table_of
from components.kubernetes.addons.charts import Chart


@cache
def document() -> Mapping[str, Any]:
    """The whole table as it is written."""
    read: Mapping[str, Any] = table_of("addons")
    return read


@cache
def table() -> Mapping[str, Chart]:
    """Every chart by the name of its row; each is installed by one stack of a cluster at most."""
    rows: Mapping[str, Mapping[str, Any]] = document()["addons"]
    return {name: Chart(name=row.get("chart", name), **{key: row[key] for key in row.keys() - {"chart"}}) for name, row in rows.items()}
