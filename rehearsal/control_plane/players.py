"""Players in a rehearsed cluster for controllers that do not run there: nodes, volumes, conditions, addresses of load balancers.

It plays that all is well: a pod that finds no node is given one, and what an operator would bring to a good state is said to be in it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import httpx

from rehearsal.control_plane.client import Client, Refused, UnknownKind
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import FAKE, Node, simulated

PAUSE: Final = 0.5
"""Seconds between two looks."""
ZONES: Final = ("a", "b", "c")
ZONE: Final = "topology.kubernetes.io/zone"
AMPLE: Final = {"cpu": "256", "memory": "4Ti", "ephemeral-storage": "16Ti", "pods": "250"}
"""What a node has of everything that every machine has."""
MANY: Final = "16"
"""What it has of each device that a pod asks for."""
MOST: Final = 24
"""Nodes of one shape."""
Beside = Callable[[ApiServer], contextlib.AbstractContextManager[Sequence[str]]]
"""Starts what acts beside an API server; yields what it could not do, which grows."""
READY: Final[Mapping[tuple[str, str], str]] = {
    ("argoproj.io/v1alpha1", "Rollout"): "Available",
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"): "Available",
    ("keda.sh/v1alpha1", "ScaledObject"): "Ready",
    ("cert-manager.io/v1", "Certificate"): "Ready",
    ("cert-manager.io/v1", "Issuer"): "Ready",
    ("cert-manager.io/v1", "ClusterIssuer"): "Ready",
    ("gateway.networking.k8s.io/v1", "Gateway"): "Programmed",
    ("external-secrets.io/v1", "ExternalSecret"): "Ready",
    ("external-secrets.io/v1", "SecretStore"): "Ready",
    ("external-secrets.io/v1", "ClusterSecretStore"): "Ready",
}
"""Kinds whose controllers do not run, and the condition that they would bring about."""


class Player:
    """Looks at one cluster again and again, until it is stopped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stopped = threading.Event()
        self._nodes: dict[str, int] = {}
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self.troubles: list[str] = []
        """What it could not do; a rehearsal that fails tells them."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until it has ended."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE):
            for act in (self._give_nodes, self._give_volumes, self._give_addresses, self._give_conditions):
                self._try(act)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (Refused, UnknownKind, httpx.HTTPError) as why:
            self.troubles.append(f"{act.__name__}: {why}")
            del self.troubles[:-20]

    def _give_nodes(self) -> None:
        for pod in self._client.items("v1", "Pod", fieldSelector="status.phase=Pending"):
            rows = pod["status"].get("conditions", ())
            if not pod["spec"].get("nodeName") and any(r["type"] == "PodScheduled" and r["status"] == "False" for r in rows):
                self._give_node(pod["spec"])

    def _give_node(self, spec: Mapping[str, Any]) -> None:
        labels = {**_wanted(spec), **dict(spec.get("nodeSelector") or {})}
        shape = repr(sorted(labels.items()))
        number = self._nodes.get(shape, 0)
        if number >= MOST:
            return
        self._nodes[shape] = number + 1
        name = f"played-{len(self._nodes)}-{number}"
        devices = {key: MANY for c in spec["containers"] for key in c.get("resources", {}).get("requests", {}) if "/" in key}
        zone = {ZONE: ZONES[number % len(ZONES)]}
        node = Node(name, {**AMPLE, **devices}, {**zone, **labels})
        self._client.post("/api/v1/nodes", node.manifest())

    def _give_volumes(self) -> None:
        delayed = {c["metadata"]["name"] for c in self._client.items("storage.k8s.io/v1", "StorageClass") if _delayed(c)}
        for claim in self._client.items("v1", "PersistentVolumeClaim"):
            chosen = "volume.kubernetes.io/selected-node" in claim["metadata"].get("annotations", {})
            if claim["status"].get("phase") == "Pending" and (chosen or claim["spec"].get("storageClassName") not in delayed):
                self._client.apply(_volume(claim), force=True)

    def _give_addresses(self) -> None:
        for service in self._client.items("v1", "Service"):
            if service["spec"].get("type") == "LoadBalancer" and not service["status"].get("loadBalancer"):
                self._client.patch_status(_named(service), {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}})

    def _give_conditions(self) -> None:
        for (version, kind), condition in READY.items():
            with contextlib.suppress(UnknownKind):
                for body in self._client.items(version, kind):
                    self._give_condition(body, condition)

    def _give_condition(self, body: Mapping[str, Any], condition: str) -> None:
        rows = body.get("status", {}).get("conditions") or ()
        if not any(row["type"] == condition and row["status"] == "True" for row in rows):
            row = {
                "type": condition,
                "status": "True",
                "reason": "Rehearsed",
                "message": "played",
                "lastTransitionTime": body["metadata"]["creationTimestamp"],
                "lastUpdateTime": body["metadata"]["creationTimestamp"],
            }
            if body["kind"] != "Rollout":
                del row["lastUpdateTime"]
            self._client.patch_status(_named(body), {"conditions": [row]})


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: body["metadata"][key] for key in ("name", "namespace") if key in body["metadata"]}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}


def _delayed(storage_class: Mapping[str, Any]) -> bool:
    return bool(storage_class.get("volumeBindingMode") == "WaitForFirstConsumer")


def _wanted(spec: Mapping[str, Any]) -> dict[str, str]:
    """Labels that a pod's required node affinity asks for: the first value of each."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or [{}]
    rows = terms[0].get("matchExpressions") or ()
    return {row["key"]: (row.get("values") or [""])[0] for row in rows if row["operator"] in ("In", "Exists")}


def _volume(claim: Mapping[str, Any]) -> dict[str, Any]:
    metadata, spec = claim["metadata"], claim["spec"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"], "name": metadata["name"]}
    made = {
        "capacity": spec["resources"]["requests"],
        "accessModes": spec["accessModes"],
        "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {**reference, "uid": metadata["uid"]},
        "hostPath": {"path": "/played"},
    }
    if spec.get("storageClassName"):
        made["storageClassName"] = spec["storageClassName"]
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"played-{metadata['uid']}"}, "spec": made}


@contextlib.contextmanager
def played(server: ApiServer) -> Iterator[Sequence[str]]:
    """Scheduler, controllers, kwok and the player beside an API server; yields its troubles."""
    with simulated(server):
        player = Player(server.client)
        player.start()
        try:
            yield player.troubles
        finally:
            player.stop()


__all__ = ["FAKE", "Player", "played"]
