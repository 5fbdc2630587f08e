"""Kubernetes objects of a graph as plain manifests, one file each; Helm releases are listed, since only Helm knows what they hold."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from graph.exporters.markers import SECRET, plain
from graph.exporters.written import NotOurs, check, origin_of, save, sealed
from graph.exporters.yaml_text import dump
from graph.model import Graph, Resource

PACKAGE: Final = "kubernetes:"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
RELEASES_FILE: Final = Path("helm", "releases.yaml")


def objects(graph: Graph) -> tuple[Resource, ...]:
    """Every Kubernetes object of the graph, custom resources among them."""
    return tuple(r for r in graph.custom if r.type.startswith(PACKAGE) and r.type != RELEASE)


def releases(graph: Graph) -> tuple[Resource, ...]:
    """Every Helm release of the graph."""
    return graph.of_type(RELEASE)


def manifest(resource: Resource) -> dict[str, Any]:
    """One object as the API server would be sent it; what a Secret holds is masked even where the program did not mark it."""
    _, group_version, kind = resource.type.split(":")
    body: dict[str, Any] = {"apiVersion": group_version.removeprefix("core/"), "kind": kind, **plain(dict(resource.inputs))}
    if body["kind"] == "Secret":
        body |= {part: _hidden(body[part], part) for part in ("data", "stringData") if part in body}
    return body


def _hidden(entries: Any, part: str) -> Any:
    marker = base64.b64encode(SECRET.encode()).decode() if part == "data" else SECRET
    return dict.fromkeys(entries, marker) if isinstance(entries, Mapping) else SECRET


def export_manifests(graph: Graph, directory: Path) -> list[Path]:
    """Write every Kubernetes object of the graph under `directory`; returns the files of objects, sorted.

    Names read `<kind>.<namespace>.<name>.yaml`, below a folder per cluster where the stack has several. Secrets are markers of the
    same JSON type and unknown values are marked. Helm releases are listed in `helm/releases.yaml`, which is no manifest.
    Manifests that an earlier export of the same stack left there, that nobody changed and that are gone from the graph are removed;
    other files are not touched. Raises graph.exporters.written.NotOurs, before anything is written, where another file is in the way,
    and OSError when the directory cannot be written.
    """
    stack = f"urn:pulumi:{graph.stack}::{graph.project}::"
    written = {directory / path: sealed(resource.urn, dump(manifest(resource))) for path, resource in _paths(graph).items()}
    listed = {directory / RELEASES_FILE: sealed(stack, dump([_release(r) for r in releases(graph)]))} if releases(graph) else {}
    for path in written | listed:
        _inside(path, directory)
        check(path, stack)
    for stale in _earlier(directory, stack) - written.keys() - listed.keys():
        stale.unlink()
    for path, text in (written | listed).items():
        save(path, text)
    return sorted(written)


def _inside(path: Path, directory: Path) -> None:
    """Make sure that no link leads a file out of the directory. Raises NotOurs."""
    if not path.parent.resolve().is_relative_to(directory.resolve()):
        raise NotOurs(path.parent, "it leads elsewhere")


def _earlier(directory: Path, stack: str) -> set[Path]:
    """What an earlier export of the stack left, in the folders that an export writes to: the directory and those right below it."""
    found = (*directory.glob("*.yaml"), *directory.glob("*/*.yaml"))
    return {path for path in found if not path.parent.is_symlink() and (origin_of(path) or "").startswith(stack)}


def _release(resource: Resource) -> dict[str, Any]:
    cluster = resource.provider.rpartition("::")[2]
    return {"name": resource.name, "urn": resource.urn, "cluster": cluster, **plain(dict(resource.inputs))}


def _paths(graph: Graph) -> dict[Path, Resource]:
    found = objects(graph)
    several = len({r.provider for r in found}) > 1
    wanted = {r.urn: _folder(r, several) / _stem(r) for r in found}
    taken = Counter(wanted.values())
    return {_file(wanted[r.urn], "" if taken[wanted[r.urn]] == 1 else r.urn): r for r in found}


def _folder(resource: Resource, several: bool) -> Path:
    return Path(_safe(resource.provider.rpartition("::")[2] or "default")) if several else Path()


def _stem(resource: Resource) -> str:
    body = manifest(resource)
    metadata = body.get("metadata") or {}
    parts = (body["kind"], metadata.get("namespace"), metadata.get("name") or resource.name)
    return ".".join(_safe(part) for part in parts if part)


def _safe(part: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", part.lower()).strip("-")


def _file(stem: Path, urn: str) -> Path:
    suffix = f".{hashlib.sha256(urn.encode()).hexdigest()[:8]}" if urn else ""
    return stem.with_name(f"{stem.name}{suffix}.yaml")
