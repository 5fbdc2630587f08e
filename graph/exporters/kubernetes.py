"""Kubernetes objects of a graph as plain manifests, one file each; Helm releases are listed, since only Helm knows what they hold."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from graph.exporters.markers import SECRET, plain
from graph.model import Graph, Resource

PACKAGE: Final = "kubernetes:"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
RELEASES_FILE: Final = Path("helm", "releases.yaml")
_HEADER: Final = "# groundwork: "
_LOOKS_LIKE_NUMBER: Final = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|0[ox][0-9a-fA-F]+")


class _Dumper(yaml.SafeDumper):
    """Safe for readers of YAML 1.2 as well, and legible: block scalars for text of several lines."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if _LOOKS_LIKE_NUMBER.fullmatch(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _dump(value: Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, width=2**16, allow_unicode=True)


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
    Manifests that an earlier export left there and that are gone from the graph are removed; other files are not touched.
    Raises OSError when the directory cannot be written.
    """
    written = {directory / path: _page(resource.urn, manifest(resource)) for path, resource in _paths(graph).items()}
    listed = {directory / RELEASES_FILE: _page(graph.stack, [_release(r) for r in releases(graph)])} if releases(graph) else {}
    for stale in _earlier(directory) - written.keys() - listed.keys():
        stale.unlink()
    for path, text in (written | listed).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return sorted(written)


def _page(origin: str, body: Any) -> str:
    return f"{_HEADER}{origin}\n{_dump(body)}"


def _earlier(directory: Path) -> set[Path]:
    return {path for path in directory.rglob("*.yaml") if path.read_text(encoding="utf-8", errors="replace").startswith(_HEADER)}


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
