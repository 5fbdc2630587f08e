"""Pods land on the pool that is meant for them, reasons are told for those that cannot, and any node can be drained.

The scheduler and the controllers are real; kwok stands in for kubelets, so that placement is proved and no container starts.
"""

import contextlib
import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.addons.footprint import Pods
from graph.exporters.kubernetes import manifest, objects
from infra.onprem.platform import OnPremPlatform
from rehearsal.control_plane.client import Client, Refused
from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import Node, add_nodes, evict, simulated, wait_until, why_unscheduled
from tests.cluster import shapes
from tests.evaluated import Evaluation, evaluate

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
POOL = "groundwork.dev/pool"


def holds(body: dict[str, Any], condition: str) -> bool:
    return any(c["type"] == condition and c["status"] == "True" for c in body["status"].get("conditions") or ())


def place(body: dict[str, Any]) -> tuple[str, str]:
    """Namespace and name of an object."""
    return body["metadata"]["namespace"], body["metadata"]["name"]


def holds_room(body: dict[str, Any]) -> bool:
    """Whether pods of a deployment only keep room for others, who may push them off."""
    return "priorityClassName" in body["spec"]["template"]["spec"]


class World:
    """One stack, up on nodes of its own."""

    def __init__(self, api: Client, evaluation: Evaluation) -> None:
        self.api = api
        self.bodies = [_kept_by_kubernetes(manifest(resource)) for resource in objects(evaluation.graph)]
        platform = evaluation.platform
        graph = evaluation.graph
        given = isinstance(platform, OnPremPlatform)
        self.nodes = list(shapes.of_site(platform)) if given else [*shapes.of_groups(graph), *shapes.of_node_pools(graph)]
        self.addons = list(shapes.of_addons(graph))
        self.by_name = {node.name: node for node in self.nodes}
        self.to_come: list[Node] = []
        """Nodes that a test adds later, as an autoscaler would."""

    @property
    def deployments(self) -> list[dict[str, Any]]:
        return [body for body in self.bodies if body["kind"] == "Deployment"]

    def pods(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Living pods of a deployment."""
        labels = ",".join(f"{key}={value}" for key, value in body["spec"]["selector"]["matchLabels"].items())
        found = self.api.items("v1", "Pod", body["metadata"]["namespace"], labelSelector=labels)
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def ready(self, body: dict[str, Any]) -> int:
        return sum(
            any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"].get("conditions") or ()) for p in self.pods(body)
        )

    def scaled(self, body: dict[str, Any], replicas: int) -> None:
        """Set the number of replicas, as an autoscaler would, and wait for them."""
        self.api.apply(_with_replicas(body, replicas), manager="test", force=True)
        wait_until(lambda: self.ready(body) == replicas, f"{body['metadata']['name']} does not come to {replicas} replicas")


def _kept_by_kubernetes(body: dict[str, Any]) -> dict[str, Any]:
    """A Rollout as the Deployment with the same pods: here its own controller does not run."""
    if body["kind"] != "Rollout":
        return body
    spec = {key: value for key, value in body["spec"].items() if key not in ("strategy", "progressDeadlineAbort")}
    return {**body, "apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}


def _with_replicas(body: dict[str, Any], replicas: int) -> dict[str, Any]:
    return {**body, "spec": {**body["spec"], "replicas": replicas}}


def _variant(body: dict[str, Any], name: str) -> dict[str, Any]:
    """The deployment again under another name and selector, one replica, beside the original and outside its quota."""
    other = copy.deepcopy(_with_replicas(body, 1))
    other["metadata"] |= {"name": name, "namespace": "default"}
    template = other["spec"]["template"]
    for labels in (other["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]):
        labels["app.kubernetes.io/component"] = name
    template["spec"].pop("serviceAccountName", None)
    return other


@pytest.fixture(scope="module", params=["Pulumi.dev", "Pulumi.prod", "Pulumi.onprem", "examples/Pulumi.karpenter"])
def world(request: pytest.FixtureRequest, server: ApiServer) -> Iterator[World]:
    """A stack on an API server of its own, all of it applied."""
    assert server, "provisioned, or the tier has given up"
    with api_server() as own, simulated(own):
        made = World(own.client, evaluate(ROOT / f"{request.param}.yaml"))
        add_nodes(own.client, made.nodes)
        for body in shapes.workloads(made.addons):
            own.client.apply(body, manager="helm")
        for body in made.bodies:
            own.client.apply(body, manager="pulumi-kubernetes")
        yield made


def test_every_declared_pod_runs_where_it_is_meant_to(world: World) -> None:
    assert world.deployments
    for body in world.deployments:
        wait_until(lambda body=body: world.ready(body) == body["spec"]["replicas"], f"{body['metadata']['name']} does not come up")
        wanted = body["spec"]["template"]["spec"].get("nodeSelector", {})
        for pod in world.pods(body):
            node = world.by_name[pod["spec"]["nodeName"]]
            assert wanted.items() <= node.labels.items()
            assert bool(node.taints) == ("nvidia.com/gpu" in node.capacity), "GPU nodes keep others away"


def has(node: Node, pods: Pods) -> bool:
    """Whether a node must have a pod of a daemon set."""
    return pods.nodes == "all" or (shapes.FABRIC if pods.nodes == "efa" else f"{shapes.KIND}{pods.nodes}") in node.labels


def test_every_add_on_has_its_place_beside_what_is_declared(world: World) -> None:
    assert world.addons
    for pods, body in zip(world.addons, shapes.workloads(world.addons), strict=True):
        meant = [node.name for node in world.nodes if has(node, pods)] if pods.nodes else [""] * pods.replicas
        wait_until(lambda body=body, meant=meant: world.ready(body) == len(meant), f"{pods.name} does not come up")
        found = [world.by_name[pod["spec"]["nodeName"]] for pod in world.pods(body)]
        if pods.nodes:
            assert sorted(node.name for node in found) == sorted(meant)
        else:
            assert not any(node.taints for node in found), "add-ons stand on plain nodes"
            assert all(pods.on.items() <= node.labels.items() for node in found)
            assert not pods.apart or len({node.name for node in found}) == pods.replicas


def test_an_endpoint_at_its_most_still_fits_its_pool(world: World) -> None:
    scalers = [body for body in world.bodies if body["kind"] == "ScaledObject"]
    assert scalers
    for scaler in scalers:
        target = scaler["spec"]["scaleTargetRef"]["name"]
        (body,) = [b for b in world.deployments if place(b) == (scaler["metadata"]["namespace"], target)]
        world.scaled(body, scaler["spec"]["maxReplicaCount"])
        world.scaled(body, body["spec"]["replicas"])


def reason(world: World, body: dict[str, Any]) -> str:
    """Why the one pod of a deployment is not placed."""
    world.api.apply(body)
    wait_until(lambda: any(map(why_unscheduled, world.pods(body))), f"{body['metadata']['name']} was placed after all")
    (pod,) = world.pods(body)
    world.api.delete(body)
    return why_unscheduled(pod)


def test_what_cannot_be_placed_says_why(world: World) -> None:
    served = next(b for b in world.deployments if b["spec"]["template"]["spec"].get("tolerations") and not holds_room(b))
    intolerant = _variant(served, "intolerant")
    intolerant["spec"]["template"]["spec"]["tolerations"] = []
    assert "untolerated taint" in reason(world, intolerant)
    greedy = _variant(served, "greedy")
    greedy["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "500"
    assert "Insufficient cpu" in reason(world, greedy)
    wide = _variant(served, "wide")
    for part in wide["spec"]["template"]["spec"]["containers"][0]["resources"].values():
        part["nvidia.com/gpu"] = "64"
    assert "Insufficient nvidia.com/gpu" in reason(world, wide)
    astray = _variant(served, "astray")
    astray["spec"]["template"]["spec"]["nodeSelector"] = {POOL: "no-such-pool"}
    assert "didn't match Pod's node affinity/selector" in reason(world, astray)


def test_a_full_pool_leaves_the_rest_waiting_and_says_why(world: World) -> None:
    served = next(b for b in world.deployments if b["spec"]["template"]["spec"].get("tolerations") and not holds_room(b))
    pod = served["spec"]["template"]["spec"]
    asked = int(pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"])
    pool = [node for node in world.nodes if pod["nodeSelector"].items() <= node.labels.items()]
    full = _with_replicas(_variant(served, "full"), sum(int(node.capacity["nvidia.com/gpu"]) for node in pool) // asked + 1)
    for rule in full["spec"]["template"]["spec"].get("topologySpreadConstraints", ()):
        rule["whenUnsatisfiable"] = "ScheduleAnyway"
    world.api.apply(full)
    wait_until(lambda: any("Insufficient nvidia.com/gpu" in why_unscheduled(p) for p in world.pods(full)), "the pool never fills")
    assert world.ready(served) == served["spec"]["replicas"], "what was there stays"
    world.api.delete(full)
    wait_until(lambda: not world.pods(full), "the rest does not go")


def test_a_drain_of_any_node_ends_and_breaks_no_promise(world: World) -> None:
    for body in world.deployments:
        wait_until(lambda body=body: world.ready(body) == body["spec"]["replicas"], "not settled")
    least = {place(body): body["spec"]["replicas"] - 1 for body in world.deployments if not holds_room(body)}
    used = {pod["spec"]["nodeName"] for body in world.deployments for pod in world.pods(body)}
    for name in sorted(used):
        _cordon(world.api, name, True)
        _drain(world, name, least)
        _cordon(world.api, name, False)


def _cordon(api: Client, name: str, closed: bool) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"unschedulable": closed}}
    api.apply(node, manager="drain", force=True)


class TooSoon(Exception):
    """The disruption budget lets no further pod go yet."""


def _evict(api: Client, pod: dict[str, Any]) -> None:
    try:
        evict(api, pod)
    except Refused as refused:
        if refused.code == 429:
            raise TooSoon from refused
        raise


def _drain(world: World, name: str, least: dict[tuple[str, str], int]) -> None:
    deadline = time.monotonic() + 60
    while held := [(b, p) for b in world.deployments for p in world.pods(b) if p["spec"].get("nodeName") == name]:
        assert time.monotonic() < deadline, f"{name} cannot be drained"
        for _, pod in held:
            with contextlib.suppress(TooSoon):
                _evict(world.api, pod)
        for body in world.deployments:
            assert world.ready(body) >= least.get(place(body), 0), f"{body['metadata']['name']} lost more than its budget"
        time.sleep(0.2)
