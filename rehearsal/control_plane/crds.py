"""Definitions of custom kinds, read from the modules that their operators publish, at the versions that `data/crds.yaml` pins."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from rehearsal.control_plane.tools import DATA, KEPT
from rehearsal.folders import write_whole
from rehearsal.golang import Unavailable, module
from rehearsal.golang import cache as kept
from rehearsal.watch import Progress

DEFINITION: Final = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True)
class CrdSet:
    """The definitions of one operator."""

    operator: str
    module: str
    version: str
    folders: tuple[str, ...]
    """Folders of the module that hold them."""
    note: str = ""
    """Where the version differs from that of the chart, and why."""


class Loader(yaml.CSafeLoader):
    """Reads YAML and `=` as text, as every reader of YAML 1.2 does."""


def _text(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor("tag:yaml.org,2002:value", _text)


@cache
def table() -> tuple[CrdSet, ...]:
    """Every pinned set."""
    rows = yaml.safe_load((DATA / "crds.yaml").read_text())["sets"]
    return tuple(CrdSet(**{**row, "folders": tuple(row["folders"])}) for row in rows)


def fingerprint(sets: Sequence[CrdSet]) -> str:
    """What changes when any set does."""
    return hashlib.sha256(repr(sorted(map(repr, sets))).encode()).hexdigest()[:16]


def definitions(sets: Sequence[CrdSet], tell: Progress) -> list[dict[str, Any]]:
    """Every definition of the sets, kept in the cache as one file a set. Raises Unavailable when a module cannot be had."""
    return [definition for row in sets for definition in _kept(row, tell)]


def _kept(row: CrdSet, tell: Progress) -> list[dict[str, Any]]:
    path = kept(KEPT) / "crds" / f"{row.operator}-{fingerprint([row])}.json"
    if (loaded := _read(path)) is None:
        tell(f"reading the definitions of {row.operator} {row.version}")
        found = list(_definitions(row))
        if not found:
            raise Unavailable(f"{row.module}@{row.version} holds no definitions in {', '.join(row.folders)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(found))
        loaded = found
    return loaded


def _read(path: Path) -> list[dict[str, Any]] | None:
    """Definitions that were kept; None for those that were not, or not whole."""
    try:
        found: list[dict[str, Any]] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found


def _definitions(row: CrdSet) -> Iterator[dict[str, Any]]:
    folder_of_module = module(row.module, row.version)
    for folder in row.folders:
        for path in sorted((folder_of_module / folder).glob("*.y*ml")):
            for document in yaml.load_all(path.read_text("utf-8"), Loader=Loader):
                if isinstance(document, Mapping) and document.get("kind") == DEFINITION and "versions" in document.get("spec", {}):
                    yield _plain(document)


def _plain(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition without what only a running operator can serve: conversion webhooks."""
    spec = {key: value for key, value in definition["spec"].items() if key != "conversion"}
    metadata = {"name": definition["metadata"]["name"], "annotations": definition["metadata"].get("annotations", {})}
    return {"apiVersion": definition["apiVersion"], "kind": DEFINITION, "metadata": metadata, "spec": spec}
