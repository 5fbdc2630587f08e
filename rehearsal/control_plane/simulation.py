"""Pods that are placed and come up on nodes that are not there: the real scheduler and controllers, with kwok in place of kubelets."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.control_plane.client import Client
from rehearsal.control_plane.processes import DidNotStart, Server, free_port
from rehearsal.control_plane.server import HOST, ApiServer

CONTROLLERS: Final = "*,-nodeipam,-service-lb-controller,-node-route-controller,-cloud-node-lifecycle-controller"
FAKE: Final = "kwok.x-k8s.io/node"
POD_RANGE: Final = "10.244.0.1/16"
LIMIT: Final = 60.0
"""Seconds until something that was asked for must have happened."""
PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Node:
    """One node as a kubelet would announce it."""

    name: str
    capacity: Mapping[str, str]
    """Resource to quantity: cpu, memory, nvidia.com/gpu … `pods` is 110 unless given."""
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()

    def manifest(self) -> dict[str, Any]:
        """The node, marked for kwok."""
        amounts = {"pods": "110", "ephemeral-storage": "1Ti", **self.capacity}
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", **self.labels}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": labels, "annotations": {FAKE: "fake"}},
            "spec": {"taints": [dict(taint) for taint in self.taints]},
            "status": {"capacity": amounts, "allocatable": amounts},
        }


@contextlib.contextmanager
def controllers(
    server: ApiServer, names: str = "namespace-controller,garbage-collector-controller,serviceaccount-controller"
) -> Iterator[None]:
    """Run the controllers that make deletions end: without them a namespace never goes. `names` is a list as --controllers takes it."""
    flags = [
        f"--kubeconfig={server.kubeconfig}",
        "--leader-elect=false",
        f"--bind-address={HOST}",
        f"--controllers={names}",
        f"--service-account-private-key-file={server.account_key}",
        f"--cert-dir={server.folder / 'controller-manager'}",
        f"--secure-port={free_port()}",
    ]
    running = Server("kube-controller-manager", [server.programs["kube-controller-manager"], *flags], server.folder)
    try:
        wait_until(lambda: _has_default_account(server.client), "the controllers make no service account", [running])
        yield
    finally:
        running.stop()


@contextlib.contextmanager
def simulated(server: ApiServer) -> Iterator[None]:
    """Run scheduler, controllers and kwok beside an API server. Raises DidNotStart."""
    config, folder = server.kubeconfig, server.folder
    arguments: Mapping[str, list[str]] = {
        "kube-scheduler": [
            f"--kubeconfig={config}",
            "--leader-elect=false",
            f"--bind-address={HOST}",
            f"--cert-dir={folder / 'scheduler'}",
            f"--secure-port={free_port()}",
        ],
        "kwok": [
            f"--kubeconfig={config}",
            f"--manage-nodes-with-annotation-selector={FAKE}=fake",
            f"--node-ip={HOST}",
            f"--cidr={POD_RANGE}",
            "--node-lease-duration-seconds=40",
            f"--server-address={HOST}:{free_port()}",
        ],
    }
    with contextlib.ExitStack() as running:
        running.enter_context(controllers(server, CONTROLLERS))
        for name, flags in arguments.items():
            running.callback(Server(name, [server.programs[name], *flags], folder).stop)
        yield


def add_nodes(client: Client, nodes: Sequence[Node]) -> None:
    """Announce nodes and wait until each is ready."""
    for node in nodes:
        client.post("/api/v1/nodes", node.manifest())
    wait_until(lambda: ready_nodes(client) >= {node.name for node in nodes}, "nodes do not become ready")


def ready_nodes(client: Client) -> set[str]:
    """Names of the nodes that are ready."""
    found = client.items("v1", "Node")
    return {n["metadata"]["name"] for n in found if any(c["type"] == "Ready" and c["status"] == "True" for c in _conditions(n))}


def why_unscheduled(pod: Mapping[str, Any]) -> str:
    """The scheduler's reason for leaving a pod alone; "" for one that has a node or has not been looked at."""
    return next((c.get("message", "") for c in _conditions(pod) if c["type"] == "PodScheduled" and c["status"] == "False"), "")


def evict(client: Client, pod: Mapping[str, Any]) -> None:
    """Ask for a pod's eviction, as a drain does. Raises Refused (429) while a disruption budget forbids it."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": namespace}}
    client.post(f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body)


def wait_until(holds: Callable[[], bool], otherwise: str, running: Sequence[Server] = (), limit: float = LIMIT) -> None:
    """Return once something holds. Raises DidNotStart, saying `otherwise`, after `limit` seconds or when a server ends."""
    deadline = time.monotonic() + limit
    while not holds():
        ended = [program.name for program in running if not program.running]
        if ended or time.monotonic() > deadline:
            raise DidNotStart(f"{otherwise} ({', '.join(ended) or f'after {limit:g} s'})")
        time.sleep(PAUSE)


def _has_default_account(client: Client) -> bool:
    return client.read({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "default"}}) is not None


def _conditions(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(body.get("status", {}).get("conditions") or ())
