"""Terraform's spelling of Pulumi's bridged AWS types: type names, property names, blocks. Sourced data, see terraform.json."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

_WORD_END: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class UnmappedType(Exception):
    """A resource type that has no row in terraform.json: names the type and the URN."""

    def __init__(self, token: str, urn: str) -> None:
        super().__init__(f"{token} has no Terraform type in graph/types/data/terraform.json ({urn})")
        self.token = token
        self.urn = urn


@dataclass(frozen=True, slots=True)
class Shape:
    """One resource type. Paths are Pulumi's property names joined by dots, without list positions.

    `names`: Terraform's name where it is not the snake case; `one`: a single value here, a list of at most one there;
    `maps`: keys are free and stay; `documents`: an object here, its JSON text there.
    """

    type: str
    names: Mapping[str, str] = field(default_factory=dict)
    one: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()

    def name(self, path: str) -> str:
        """Terraform's name of the property at `path`."""
        return self.names.get(path) or snake_case(path.rpartition(".")[2])

    def is_leaf(self, path: str) -> bool:
        """Whether what stands at `path` is an attribute as a whole, whatever its type."""
        return path in self.maps or path in self.documents


def snake_case(name: str) -> str:
    """`enableDnsHostnames` as `enable_dns_hostnames`."""
    return _WORD_END.sub("_", name).lower()


@cache
def _table() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(files("graph.types").joinpath("data/terraform.json").read_text(encoding="utf-8"))
    return found


def terraform_version() -> str:
    """The version that exported plans claim; scanners ignore a plan without one."""
    return str(_table()["terraform_version"])


@cache
def shapes() -> Mapping[str, Shape]:
    """Every mapped type by its Pulumi token."""
    sets = ("one", "maps", "documents")
    return {
        token: Shape(row["type"], row.get("names", {}), **{part: frozenset(row.get(part, ())) for part in sets})
        for token, row in _table()["resources"].items()
    }


def shape_of(token: str, urn: str) -> Shape:
    """The shape of a type. Raises UnmappedType."""
    found = shapes().get(token)
    if found is None:
        raise UnmappedType(token, urn)
    return found
