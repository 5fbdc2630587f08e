"""Kubernetes provider of `rehearse --cluster`: Pulumi's own, or the stand-in where it cannot be had."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from graph.model import Graph
from rehearsal.control_plane.tools import KUBERNETES_PROVIDER, NoControlPlane, locate
from rehearsal.golang import Unavailable
from rehearsal.stackcopy import KeyPath
from rehearsal.stage import Clouds, Running, StageFailed

if TYPE_CHECKING:
    from rehearsal.control_plane.players import Beside

REAL: Final = f"Pulumi's Kubernetes provider {KUBERNETES_PROVIDER.version} on a real API server"
LISTED: Final = 20
"""Unknown inputs that are told one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealProvider:
    """The clouds with the real provider, and the values of the stack file that they need to be others."""

    clouds: Clouds
    values: Mapping[KeyPath, str] = field(default_factory=dict)


def real_provider(root: Path, files: list[Path], existing: Mapping[str, Any], *, beside: "Beside | None" = None) -> RealProvider | None:
    """The real provider for the stacks of `files` on the stage in `root`; None, and said aloud, where the stand-in has to serve.

    `beside` starts what acts beside each API server, in place of rehearsal.control_plane.players.
    Raises StageFailed for inputs that the provider does not know, and instead of None where CI=true.
    """
    graphs = [_graph(file) for file in files]
    missing = _missing(graphs)
    if missing:
        message = f"THE REAL KUBERNETES PROVIDER IS NOT REHEARSED, A STAND-IN SERVES, WITHOUT AN API SERVER: {missing}"
        if os.environ.get("CI", "").lower() == "true":
            raise StageFailed(message)
        click.secho(message, fg="red", err=True)
        return None
    _known(graphs)
    return RealProvider(clouds=_clouds(root, graphs, existing, beside), values=_values(root, files))


def _graph(file: Path) -> Graph:
    from infra.offline import evaluate

    return evaluate(file).graph


def _missing(graphs: list[Graph]) -> str:
    """Why the real provider cannot serve; "" where it can."""
    from rehearsal.real_provider import out_of_reach

    far = [name for graph in graphs for name in out_of_reach(graph)] if len(graphs) == 1 else []
    if far:
        return f"nothing can stand for the cluster of {', '.join(far)}, which others made"
    try:
        locate(tools=[KUBERNETES_PROVIDER])
    except (NoControlPlane, Unavailable) as why:
        return str(why)
    return ""


def _known(graphs: list[Graph]) -> None:
    from rehearsal.provider_schema import served, unknown

    strange = [place for graph in graphs for place in unknown(graph, served())[0]]
    if strange:
        version = KUBERNETES_PROVIDER.version
        rows = [*strange[:LISTED], *([f"and {len(strange) - LISTED} more"] if len(strange) > LISTED else [])]
        listed = "\n  ".join(rows)
        text = f"Pulumi's Kubernetes provider {version}, the newest that can be built, does not know these inputs and would drop them"
        raise StageFailed(f"{text}:\n  {listed}\nRehearse without --cluster, or leave them out.")


def _clouds(root: Path, graphs: list[Graph], existing: Mapping[str, Any], beside: "Beside | None") -> Clouds:
    def clouds(store: Path, faults: Path | None) -> Running:
        from components.kubernetes.addons.table import table
        from rehearsal.real_provider import RealClouds, Wanted, merged

        sets = {chart.name: chart.crds for chart in table().values()}
        wanted = merged([Wanted.of(graph, sets) for graph in graphs])
        return RealClouds(store, faults, existing, wanted, home=root / "home", beside=beside)

    return clouds


def _values(root: Path, files: list[Path]) -> Mapping[KeyPath, str]:
    """The kubeconfig of a given cluster is that of the rehearsal's API server."""
    from infra.reading.stackfile import KEY
    from rehearsal.real_provider import KUBECONFIG

    return {("config", KEY, "cluster", "kubeconfig"): str(root / "clusters" / KUBECONFIG)} if files else {}
