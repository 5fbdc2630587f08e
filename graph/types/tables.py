"""The data files beside this module, each read once."""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any


@functools.cache
def load(name: str) -> Mapping[str, Any]:
    """The whole of `data/<name>.json`. Raises FileNotFoundError for an unknown table."""
    table: Mapping[str, Any] = json.loads(resources.files("graph.types").joinpath("data", f"{name}.json").read_text())
    return table


def rows(name: str) -> Mapping[str, Any]:
    """The rows of a table by type token."""
    found: Mapping[str, Any] = load(name)["types"]
    return found
