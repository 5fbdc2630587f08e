"""Clouds of a rehearsal in which Pulumi's own Kubernetes provider works on real API servers, beside the stand-in for AWS.

The engine starts the provider as a plugin of the stage. Around it: one API server a cluster with its scheduler and what is played
(see rehearsal.control_plane.players), a site of stub charts, and a command `aws` that gives the provider a token.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import yaml

from graph.exporters.kubernetes import releases
from graph.model import Graph
from rehearsal.chart_site import ChartSite, Stub
from rehearsal.control_plane.crds import definitions, table
from rehearsal.control_plane.players import Beside, played
from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.tools import KUBERNETES_PROVIDER, locate
from rehearsal.faults import FaultsInvalid, read
from rehearsal.folders import write_whole
from rehearsal.keeper import PROVIDER as KEEPER
from rehearsal.servers import Running, start
from rehearsal.watch import Meter, Progress

if TYPE_CHECKING:
    from rehearsal.store import Object

EKS: Final = "aws:eks/cluster:Cluster"
PROVIDER: Final = "pulumi:providers:kubernetes"
PLUGIN: Final = "pulumi-resource-kubernetes"
KUBECONFIG: Final = "kubeconfig.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a stack needs of a rehearsal with the real provider."""

    eks: Sequence[str] = ()
    """Names of EKS clusters that the stack makes."""
    contexts: Sequence[str] = ()
    """Contexts of kubeconfig files that it is given."""
    charts: Sequence[tuple[str, str]] = ()
    """Name and version of each chart that it releases."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """Chart to the set of definitions that it brings (see data/control_plane/crds.yaml)."""

    @classmethod
    def of(cls, graph: Graph, sets: Mapping[str, str]) -> Self:
        """Read from a recorded stack; `sets` is `definitions` for all charts there are."""
        charts = {str(r.inputs["chart"]).rpartition("/")[2]: str(r.inputs["version"]) for r in releases(graph)}
        return cls(
            eks=[str(r.inputs["name"]) for r in graph.of_type(EKS)],
            contexts=[str(r.inputs["context"]) for r in graph.of_type(PROVIDER) if r.inputs.get("context")],
            charts=sorted(charts.items()),
            definitions={name: sets[name] for name in charts if sets.get(name)},
        )


def merged(wanted: Sequence[Wanted]) -> Wanted:
    """What several stacks on one stage need together."""
    return Wanted(
        eks=[name for one in wanted for name in one.eks],
        contexts=list(dict.fromkeys(name for one in wanted for name in one.contexts)),
        charts=sorted({pair for one in wanted for pair in one.charts}),
        definitions={name: row for one in wanted for name, row in one.definitions.items()},
    )


def out_of_reach(graph: Graph) -> list[str]:
    """Kubernetes providers of a stack whose cluster a rehearsal cannot put an API server behind, since others made it."""
    made = bool(graph.of_type(EKS))
    return [r.name for r in graph.of_type(PROVIDER) if not made and not r.inputs.get("context")]


class RealClouds:
    """The clouds, served: as rehearsal.stage.Running says. `home` is the engine's own folder, `kubeconfig` the file for given clusters.

    `beside` starts what acts beside each API server. `troubles` are what it could not do, a list for each.
    """

    keeper = KEEPER

    def __init__(
        self,
        store: Path,
        faults: Path | None,
        existing: Mapping[str, Any] | None,
        wanted: Wanted,
        *,
        home: Path,
        progress: Progress | None = None,
        beside: Beside | None = None,
    ) -> None:
        refuse_kubernetes(faults)
        self.wanted, self._folder = wanted, store.parent / "clusters"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._tell, self._beside = progress or Meter(), beside or played
        self._running = ExitStack()
        self.troubles: list[Sequence[str]] = []
        self.servers: dict[str, ApiServer] = {}
        try:
            self._link(home)
            self.site = self._running.enter_context(ChartSite(self._stubs(), self._folder))
            for name in (*wanted.eks, *wanted.contexts):
                self.servers[name] = self._cluster(name)
            kubeconfig(self._folder, {name: self.servers[name] for name in wanted.contexts})
            reached = {name: _reached(self.servers[name]) for name in wanted.eks}
            self._aws: Running = start(store, faults=faults, existing=existing, packages=("aws",), reached=reached)
            self._running.callback(self._aws.stop)
        except BaseException:
            self._running.close()
            raise

    @property
    def ports(self) -> Mapping[str, int]:
        """The stand-in for AWS alone: the engine finds the provider of Kubernetes among its plugins."""
        return self._aws.ports

    @property
    def environ(self) -> Mapping[str, str]:
        """Variables of the engine and of all that it starts; PATH is put before that of the caller."""
        return {
            "HTTPS_PROXY": self.site.url,
            "SSL_CERT_FILE": str(self.site.authority),
            "PATH": str(self._folder / "bin"),
            "HELM_CACHE_HOME": str(self._folder / "helm"),
            "HELM_CONFIG_HOME": str(self._folder / "helm"),
            "HELM_DATA_HOME": str(self._folder / "helm"),
        }

    @property
    def notes(self) -> Sequence[str]:
        """What a person should know of the stand-in for AWS."""
        return self._aws.notes

    @property
    def stubs(self) -> Sequence[str]:
        """Charts that were loaded as stubs: what they make was not judged."""
        return sorted(self.site.served)

    def discard(self, found: "Object") -> str:
        """Take an object out of the stand-in for AWS; what it says against it, or ""."""
        return self._aws.discard(found)

    def stop(self) -> None:
        """End all of it; what the clusters hold is kept."""
        self._running.close()

    def _link(self, home: Path) -> None:
        """Make the provider a plugin of the stage, and `aws` a command that prints the token of its API servers."""
        plugin = home / "plugins" / f"resource-kubernetes-v{metadata.version('pulumi-kubernetes')}" / PLUGIN
        plugin.parent.mkdir(parents=True, exist_ok=True)
        plugin.unlink(missing_ok=True)
        plugin.symlink_to(locate(self._tell, [KUBERNETES_PROVIDER])[PLUGIN])
        token = self._folder / "token"
        if not token.exists() or not token.read_text():
            write_whole(token, secrets.token_hex(16), 0o600)
        self._token = token.read_text()
        command = self._folder / "bin" / "aws"
        command.parent.mkdir(exist_ok=True)
        version = "client.authentication.k8s.io/v1beta1"
        said = json.dumps({"kind": "ExecCredential", "apiVersion": version, "spec": {}, "status": {"token": self._token}})
        command.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
        command.chmod(0o700)

    def _stubs(self) -> list[Stub]:
        sets = {row.operator: row for row in table()}
        brought: set[str] = set()
        stubs = []
        for name, version in self.wanted.charts:
            own = self.wanted.definitions.get(name, "")
            rows = [sets[own]] if own in sets and own not in brought else []
            brought.add(own)
            stubs.append(Stub(name=name, version=version, definitions=definitions(rows, self._tell)))
        return stubs

    def _cluster(self, name: str) -> ApiServer:
        """An API server with the definitions of operators that others run, and what acts in it."""
        others = [row for row in table() if row.operator not in self.wanted.definitions.values()]
        folder = self._folder / name
        server = self._running.enter_context(api_server(folder, self._tell, others, self._token))
        self.troubles.append(self._running.enter_context(self._beside(server)))
        return server


def refuse_kubernetes(faults: Path | None) -> None:
    """Raise FaultsInvalid for faults of Kubernetes objects: no stand-in is asked about them."""
    struck = [fault.type for fault in read(faults) if fault.type.startswith("kubernetes:")] if faults else []
    if struck:
        text = "the real Kubernetes provider has no faults to inject: rehearse without --cluster, or leave out"
        raise FaultsInvalid(f"{faults}: {text} {', '.join(struck)}")


def kubeconfig(folder: Path, servers: Mapping[str, ApiServer]) -> Path:
    """Write the kubeconfig of given clusters, a context each; returns its place."""
    path = folder / KUBECONFIG
    path.touch(0o600)
    clusters = [
        {"name": name, "cluster": {"server": each.url, "certificate-authority-data": _authority(each)}} for name, each in servers.items()
    ]
    said = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": clusters,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in servers],
        "users": [{"name": name, "user": {"token": each.token}} for name, each in servers.items()],
    }
    path.write_text(yaml.safe_dump(said))
    return path


def _authority(server: ApiServer) -> str:
    return b64encode((server.folder / "ca.pem").read_bytes()).decode()


def _reached(server: ApiServer) -> Mapping[str, Any]:
    """Outputs of an EKS cluster that stand for an API server."""
    return {"endpoint": server.url, "certificateAuthority": {"data": _authority(server)}}
