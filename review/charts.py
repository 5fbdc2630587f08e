"""Hosts that Helm charts come from, which a preview reaches too: Pulumi's provider loads a chart whenever it looks at its release."""

from collections.abc import Iterator, Mapping
from typing import Any

from graph.exporters.kubernetes import releases
from graph.model import Graph
from infra.notes import Note

OCI = "oci://"


def hosts(graph: Graph) -> dict[str, list[str]]:
    """Host to the charts of its releases, both sorted by name; a port is a part of the host."""
    found: dict[str, list[str]] = {}
    for release in releases(graph):
        found.setdefault(_host(release.inputs), []).append(str(release.inputs["chart"]).rpartition("/")[2])
    return {host: sorted(found[host]) for host in sorted(found)}


def notes(graph: Graph) -> Iterator[Note]:
    """Hosts that `preview` and `up` must reach to load charts, and the way to need one alone.

    Source: pulumi/pulumi-kubernetes v4.34.2, provider/pkg/provider/helm_release.go (Check, Diff).
    """
    needed = hosts(graph)
    if needed:
        text = "every preview and up loads them, and fails where one of these hosts is unreachable"
        way = "operators.mirror reads all from one registry" if len(needed) > 1 else ""
        listed = ", ".join(needed)
        yield Note("charts", f"{text}: {listed}" + (f"; {way}" if way else ""))


def _host(inputs: Mapping[str, Any]) -> str:
    chart = str(inputs["chart"])
    if chart.startswith(OCI):
        return chart.removeprefix(OCI).partition("/")[0]
    repository = str((inputs.get("repositoryOpts") or {}).get("repo", ""))
    return repository.partition("://")[2].partition("/")[0]
