"""A stack whose nodes Karpenter makes, up on a real API server: its pods wait, and Karpenter's own controllers start nodes for them.

The scheduler and the controllers of Kubernetes are real too; kwok stands in for kubelets and for EC2, so that no container starts. What
is simplified: a LeaderWorkerSet is played by a Deployment of its leaders and one of its workers, a Rollout by a Deployment, and daemon sets
for accelerators find nodes by the label of their pool. Limits of NodePools are not judged: the kwok provider announces as a node's
capacity only what was asked for.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from graph.exporters.kubernetes import manifest, objects
from graph.model import Graph
from rehearsal.control_plane.client import Client
from rehearsal.control_plane.crds import CrdSet, definitions
from rehearsal.control_plane.prepared import establish
from rehearsal.control_plane.processes import Server, free_port
from rehearsal.control_plane.server import HOST, ApiServer
from rehearsal.control_plane.simulation import add_nodes, simulated, wait_until
from rehearsal.control_plane.tools import KARPENTER, locate
from tests.cluster import shapes
from tests.nodes import karpenter_machines as imagined

POOL, NODE_POOL = "groundwork.dev/pool", "karpenter.sh/nodepool"
ACCELERATED = "k8s.amazonaws.com/accelerator"
KWOK_KINDS = CrdSet("karpenter-kwok", "sigs.k8s.io/karpenter", "v1.14.1", ("kwok/apis/crds",))
WORKS = ("Deployment", "LeaderWorkerSet", "Rollout", "StatefulSet")
LIMIT = 240.0
"""Seconds until Karpenter must have acted: its loop looks every ten seconds and looks again fifteen seconds later."""
STARTS = 90.0
"""Seconds until Karpenter must be ready."""
Body = dict[str, Any]


def deployment(name: str, namespace: str, replicas: int, template: Mapping[str, Any]) -> Body:
    """A Deployment of one label of its own."""
    labels = {**template["metadata"].get("labels", {}), "test.groundwork.dev/of": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"test.groundwork.dev/of": name}},
            "template": {"metadata": {"labels": labels}, "spec": bare(template["spec"])},
        },
    }


def bare(spec: Mapping[str, Any]) -> Body:
    """A pod without what only other controllers make: claims, accounts and secrets."""
    drop = ("serviceAccountName", "volumes", "initContainers")
    kept = {key: value for key, value in spec.items() if key not in drop}
    containers = [{k: v for k, v in c.items() if k not in ("volumeMounts", "envFrom")} for c in spec["containers"]]
    return {**kept, "containers": containers}


def played(body: Body) -> Iterator[Body]:
    """The workloads of a pool as Deployments of the same pods."""
    if body["kind"] not in WORKS:
        return
    name, namespace, spec = body["metadata"]["name"], body["metadata"]["namespace"], body["spec"]
    if body["kind"] == "LeaderWorkerSet":
        group, count = spec["leaderWorkerTemplate"], spec["replicas"]
        yield deployment(f"{name}-leaders", namespace, count, group["leaderTemplate"])
        yield deployment(f"{name}-workers", namespace, count * (group["size"] - 1), group["workerTemplate"])
    else:
        yield deployment(name, namespace, spec.get("replicas", 1), spec["template"])


def pool_of(body: Mapping[str, Any]) -> str:
    """The pool that the pods of a workload select; "" for none."""
    return str(body["spec"]["template"]["spec"].get("nodeSelector", {}).get(POOL, ""))


def specs(graph: Graph, kind: str) -> dict[str, Body]:
    """Specs of NodePools or EC2NodeClasses by name."""
    group = "karpenter.sh" if kind == "NodePool" else "karpenter.k8s.aws"
    return {r.inputs["metadata"]["name"]: dict(manifest(r)["spec"]) for r in graph.of_type(f"kubernetes:{group}/v1:{kind}")}


def probe(name: str, pool: Mapping[str, Any], node_class: Mapping[str, Any]) -> Body:
    """A workload that takes a whole node of a NodePool's first machine, as work that spans nodes does."""
    machine = imagined.aws_machines()[imagined.required(pool, imagined.TYPE)[0]]
    room = imagined.allocatable(machine, node_class)
    devices = {key: value for key, value in room.items() if "/" in key and key != "aws.amazon.com/neuroncore"}
    if not node_class.get("networkInterfaces"):
        devices.pop("vpc.amazonaws.com/efa", None)
    asked = {"cpu": "1", "memory": "4Gi", **devices}
    taints = pool["template"]["spec"]["taints"]
    selector = {NODE_POOL: name, POOL: pool["template"]["metadata"]["labels"][POOL]}
    spec = {
        "nodeSelector": selector,
        "tolerations": [{"key": t["key"], "operator": "Exists", "effect": t["effect"]} for t in taints],
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "it", "image": "it", "resources": {"requests": asked, "limits": asked}}],
    }
    return deployment(f"probe-{name}", "default", 1, {"metadata": {}, "spec": spec})


class World:
    """One stack before Karpenter."""

    def __init__(self, server: ApiServer, graph: Graph) -> None:
        self.api: Client = server.client
        self.server = server
        self.graph = graph
        self.pools = specs(graph, "NodePool")
        self.classes = specs(graph, "EC2NodeClass")
        bodies = [manifest(resource) for resource in objects(graph)]
        self.workloads = [made for body in bodies for made in played(body) if pool_of(made)]
        self.around = [b for b in bodies if b["kind"] in ("Namespace", "PriorityClass", "PodDisruptionBudget")]

    def prepare(self) -> None:
        """Everything but NodePools and work: kinds, nodes of the managed groups, namespaces, the pods of add-ons."""
        establish(self.server, definitions([KWOK_KINDS], lambda text: None), lambda text: None)
        self.api.kind("karpenter.kwok.sh/v1alpha1", "KWOKNodeClass")
        add_nodes(self.api, list(shapes.of_groups(self.graph)))
        for body in self.around:
            self.api.apply(body)
        for body in shapes.workloads(shapes.of_addons(self.graph)):
            self.api.apply(on_pools(body))

    def pool_up(self, name: str, idle: str = "5s", **changes: Any) -> Body:
        """Make a NodePool and its node class; returns the spec that was sent."""
        spec = {**imagined.rewritten(self.pools[name], idle), **changes}
        reference = spec["template"]["spec"]["nodeClassRef"]
        kind = {"apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": reference["kind"], "metadata": {"name": reference["name"]}}
        self.api.apply({**kind, "spec": {"nodeRegistrationDelay": "1s"}}, force=True)
        self.api.apply({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name}, "spec": spec}, force=True)
        return spec

    def pods(self, body: Mapping[str, Any]) -> list[Body]:
        """Living pods of a workload."""
        label = f"test.groundwork.dev/of={body['metadata']['name']}"
        found = self.api.items("v1", "Pod", body["metadata"]["namespace"], labelSelector=label)
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def nodes(self, name: str | None = None) -> list[Body]:
        """Nodes of a NodePool, or of all."""
        return self.api.items("v1", "Node", labelSelector=f"{NODE_POOL}={name}" if name else NODE_POOL)

    def claims(self, name: str) -> list[Body]:
        """NodeClaims of a NodePool."""
        found = self.api.items("karpenter.sh/v1", "NodeClaim", labelSelector=f"{NODE_POOL}={name}")
        return [{"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", **row} for row in found]

    def run(self, body: Body, replicas: int | None = None) -> None:
        """Apply a workload, with so many replicas."""
        spec = body["spec"] if replicas is None else {**body["spec"], "replicas": replicas}
        self.api.apply({**body, "spec": spec}, force=True)

    def ready(self, body: Mapping[str, Any]) -> int:
        """How many pods of a workload are ready."""
        found = [pod["status"].get("conditions") or () for pod in self.pods(body)]
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) for conditions in found)

    def bound(self, body: Mapping[str, Any]) -> int:
        """How many pods of a workload are on a node of their pool."""
        labels = {node["metadata"]["name"]: node["metadata"]["labels"] for node in self.nodes()}
        wanted = body["spec"]["template"]["spec"]["nodeSelector"].items()
        return sum(wanted <= labels.get(pod["spec"].get("nodeName", ""), {}).items() for pod in self.pods(body))

    def grown(self, body: Body, replicas: int, limit: float = LIMIT) -> None:
        """Wait until every pod of a workload has a node. Raises DidNotStart with Karpenter's reasons."""
        self.run(body, replicas)
        name = body["metadata"]["name"]
        wait_until(lambda: self.bound(body) == replicas, f"{name}: pods wait for a node: {self.said(body)}", limit=limit)

    def said(self, body: Mapping[str, Any]) -> str:
        """What Karpenter last said of a workload's pods."""
        namespace = body["metadata"]["namespace"]
        events = [e for e in self.api.items("v1", "Event", namespace) if "karpenter" in json.dumps(e.get("source", {}))]
        named = [str(e.get("message", "")) for e in events if e["involvedObject"].get("name", "").startswith(body["metadata"]["name"])]
        return named[-1] if named else "nothing"


def on_pools(body: Body) -> Body:
    """A daemon set that finds nodes with devices by the label of their pool, which Karpenter knows before a node is there."""
    spec = body["spec"]["template"]["spec"]
    if not any(key.startswith(shapes.KIND) for key in spec["nodeSelector"]):
        return body
    term = {"matchExpressions": [{"key": ACCELERATED, "operator": "Exists"}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    changed = {**spec, "nodeSelector": {}, "affinity": affinity}
    return {**body, "spec": {**body["spec"], "template": {**body["spec"]["template"], "spec": changed}}}


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/readyz").is_success
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def karpenter(world: World, folder: Path) -> Iterator[Server]:
    """Run Karpenter beside an API server that knows its kinds. Raises NoControlPlane, DidNotStart."""
    program = locate(tools=[KARPENTER])["karpenter-kwok"]
    machines = folder / "machines.json"
    machines.write_text(json.dumps(imagined.machine_types(world.pools, world.classes)))
    gates = {"NodeRepair": "false", "ReservedCapacity": "true", "StaticCapacity": "true"}
    health = free_port()
    flags = {
        "instance-types-file-path": machines,
        "disable-leader-election": "true",
        "metrics-port": free_port(),
        "health-probe-port": health,
        "batch-idle-duration": "200ms",
        "batch-max-duration": "1s",
        "feature-gates": ",".join(f"{name}={value}" for name, value in gates.items()),
        "log-level": "debug",
    }
    command = [program, world.server.kubeconfig, *(f"--{name}={value}" for name, value in flags.items())]
    running = Server("karpenter", list(map(str, command)), folder)
    try:
        running.wait_until(lambda: _ready(health), STARTS)
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def up(server: ApiServer, graph: Graph, folder: Path) -> Iterator[World]:
    """A stack on an API server, Karpenter beside it, no NodePool yet."""
    with simulated(server):
        world = World(server, graph)
        world.prepare()
        with karpenter(world, folder):
            yield world


def watched(look: Callable[[], int], until: Callable[[], bool], otherwise: str, limit: float = LIMIT) -> list[int]:
    """What was seen while waiting for something. Raises DidNotStart when it does not happen."""
    seen: list[int] = []

    def looked() -> bool:
        seen.append(look())
        return until()

    wait_until(looked, otherwise, limit=limit)
    return seen


def disrupted(world: World, name: str) -> int:
    """Nodes of a NodePool that are being taken away now."""
    return sum(bool(claim["metadata"].get("deletionTimestamp")) for claim in world.claims(name))


def names(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Names of objects."""
    return {row["metadata"]["name"] for row in rows}


def settle(seconds: float) -> None:
    """Give Karpenter time to do what it should not."""
    time.sleep(seconds)
