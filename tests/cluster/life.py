"""Endpoints that live on a cluster of their own: the real engine brings them, the real controller of rollouts exchanges their versions.

The stack is the example with rollouts, at a human's patience. Beside its API server run the scheduler, the controllers of Kubernetes, kwok
for the kubelets, the rollouts controller with a stand-in for its plugin, and a stand-in for Prometheus that answers by the version that a
query names, so that a gate which looked at other pods would let everything through.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from components.kubernetes.addons.values import GATEWAY_PLUGIN
from components.kubernetes.serving import pods
from graph.exporters.kubernetes import manifest, objects
from infra.reading.stackfile import KEY
from operations.real_provider import real_provider
from operations.rehearse import given_to
from rehearsal.control_plane.client import Client
from rehearsal.control_plane.processes import Server, free_port
from rehearsal.control_plane.server import HOST, ApiServer
from rehearsal.control_plane.simulation import Node, add_nodes, simulated, wait_until
from rehearsal.control_plane.tools import ROLLOUTS, locate
from rehearsal.foreground import Result
from rehearsal.stage import Stage
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
HASH = "rollouts-pod-template-hash"
ROLLOUT, SERVICE, ROUTE = ("argoproj.io/v1alpha1", "Rollout"), ("v1", "Service"), ("gateway.networking.k8s.io/v1", "HTTPRoute")
PLAIN, CHAT, CODE = "plain", "chat", "code"
"""A canary by numbers of replicas, one by weights of a route, and blue and green."""
GOOD, FAILING, SILENT, BROKEN = 2, 3, 4, 5
"""Versions of the models: one that keeps its promises, one with errors and no answers, one that nobody can see, one that never comes up."""
GATES = {"interval": "5s", "delay": "0s", "failures": 0}
SETTLED = 1.0
"""Seconds after which the controller has read what it wrote."""
HOLD = "1h"
"""How long a canary waits at each step: until a test promotes it."""


def stack(version: int, prometheus: str) -> dict[str, Any]:
    """The stack file with every endpoint at a version of its model."""
    file: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "Pulumi.rollouts.yaml").read_text())
    platform = file["config"][KEY]
    platform["operators"]["prometheus"]["address"] = prometheus
    platform["cluster"]["pools"]["green"] = {
        **platform["cluster"]["pools"]["l40s"],
        "labels": {"nvidia.com/gpu.product": "green"},
        "nodes": 2,
    }
    chat, code = platform["endpoints"][CHAT], platform["endpoints"][CODE]
    del chat["shadow"], code["traffic"]["budget"]
    plain = {key: value for key, value in chat.items() if key != "traffic"}
    chat["rollout"] = {"canary": {"steps": ["50%", "100%"], "hold": HOLD}, "gates": GATES}
    plain["rollout"] = {"canary": {"steps": ["50%", "100%"], "hold": HOLD, "surge": 1}, "gates": GATES}
    code["rollout"] = {"blue_green": {"hold": "5s", "keep": "5s"}, "gates": GATES}
    code["pool"] = "green"
    platform["endpoints"][PLAIN] = plain
    for endpoint in platform["endpoints"].values():
        endpoint["model"] = f"{endpoint['model'].rpartition('/')[0]}/{version}"
        endpoint |= {"load_time": "10s", "longest_request": "1s"}
        endpoint["scale"] = {"min": 2, "max": 2 if endpoint is code else 4}
    return file


def nodes() -> list[Node]:
    """Nodes of both pools, and the zones that replicas are spread over; one in each zone for what needs no GPU."""
    made = [Node(f"general-{zone}", {"cpu": "64", "memory": "512Gi"}, {"topology.kubernetes.io/zone": zone}) for zone in "abc"]
    for pool, count in (("NVIDIA-L40S", 6), ("green", 2)):
        for number in range(count):
            labels = {"nvidia.com/gpu.product": pool, "topology.kubernetes.io/zone": "abc"[number % 3]}
            taints = [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
            made.append(Node(f"{pool.lower()}-{number}", {"cpu": "96", "memory": "768Gi", "nvidia.com/gpu": "4"}, labels, taints))
    return made


class Life:
    """The stack and its cluster; made by `living`."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "Pulumi.life.yaml"
        self.api: Client
        self.stage: Stage
        self.prometheus = ""
        self.asked: list[str] = []

    def write(self, version: int, **platform: Any) -> None:
        """Let the stack file say a version, and other parts of the platform."""
        said = stack(version, self.prometheus)
        said["config"][KEY] |= platform
        self.file.write_text(yaml.safe_dump(json.loads(json.dumps(said)), sort_keys=False))  # without YAML's anchors

    def never_ready(self, endpoint: str) -> None:
        """Bring a version whose pods find no node, given up after seconds instead of the minutes that a node may take to join."""
        self.write(BROKEN)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pods, "NODE_MARGIN", 5)
            graph = evaluate(self.file).graph
        (body,) = [b for b in map(manifest, objects(graph)) if b["kind"] == "Rollout" and b["metadata"]["name"] == endpoint]
        body["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "nowhere"}
        del body["spec"]["replicas"]
        (manager,) = {row["manager"] for row in self.of(endpoint, ROLLOUT)["metadata"]["managedFields"] if "pulumi" in row["manager"]}
        self.api.apply(body, manager=manager)

    def up(self, version: int, **platform: Any) -> None:
        """`pulumi up` of a version, and of parts of the platform; it ends when the replicas are available."""
        self.write(version, **platform)
        self.stage.file.update()
        self.engine("up", "--yes", "--skip-preview")

    def engine(self, *arguments: str) -> Result:
        """Run the engine on the stack as it is; it must end well."""
        result = self.stage.pulumi(*arguments)
        assert result.code == 0, f"{arguments[0]} ended with {result.code}:\n{result.stdout}\n{result.stderr}"
        return result

    def of(self, endpoint: str, kind: tuple[str, str], name: str = "") -> dict[str, Any]:
        """An object of an endpoint, called after it unless said otherwise."""
        body = {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": name or endpoint, "namespace": namespace(endpoint)}}
        found = self.api.read(body)
        assert found, f"{kind[1]} {name or endpoint} is gone"
        return found

    def status(self, endpoint: str) -> dict[str, Any]:
        """What the controller says of an endpoint's rollout."""
        return dict(self.of(endpoint, ROLLOUT).get("status", {}))

    def hashes(self, endpoint: str) -> dict[int, str]:
        """Version of the model to the hash of the pods that serve it."""
        sets = self.api.items("apps/v1", "ReplicaSet", namespace(endpoint))
        return {_version(row["spec"]["template"]): row["metadata"]["labels"][HASH] for row in sets}

    def ready(self, endpoint: str, *versions: int) -> int:
        """Ready pods of some versions."""
        pods = self.api.items("v1", "Pod", namespace(endpoint))
        return sum(_ready(pod) and _version(pod) in versions for pod in pods if "deletionTimestamp" not in pod["metadata"])

    def weights(self, endpoint: str) -> dict[str, int]:
        """Service to the share of requests that the route sends to it."""
        (rule,) = self.of(endpoint, ROUTE)["spec"]["rules"]
        return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}

    def serves(self, endpoint: str, service: str) -> str:
        """Hash of the pods that a Service selects."""
        return str(self.of(endpoint, SERVICE, service)["spec"]["selector"].get(HASH, ""))

    def promote(self, endpoint: str) -> None:
        """End the pause that a canary is in, as a person would, and as late: in the moment of a pause the controller overlooks it."""
        wait_until(lambda: bool(self.status(endpoint).get("pauseConditions")), f"{endpoint} does not pause")
        time.sleep(SETTLED)
        before = self.status(endpoint)["currentStepIndex"]
        self.api.patch_status(self.of(endpoint, ROLLOUT), {"pauseConditions": None})
        wait_until(lambda: bool(self.status(endpoint)["currentStepIndex"] != before), f"{endpoint} stays at its step")

    def keeps(self, endpoint: str, version: int, until: Callable[[], bool], otherwise: str, others: tuple[int, ...] = ()) -> None:
        """Wait, and see that requests never had fewer than two ready replicas to go to meanwhile."""
        seen = []

        def looked() -> bool:
            seen.append(self.ready(endpoint, version, *others))
            return until()

        wait_until(looked, otherwise)
        assert min(seen) >= 2, f"{endpoint} had {min(seen)} replicas of version {version}"

    def answer(self, query: str) -> list[float]:
        """What Prometheus would say of a version; of one that is not known, that all is well."""
        self.asked.append(query)
        named = re.search(r'rollouts_pod_template_hash="(\w+)"', query)
        versions = {found: version for endpoint in (PLAIN, CHAT, CODE) for version, found in self.hashes(endpoint).items()}
        version = versions.get(named[1]) if named else None
        good, bad = ([1.0], [0.0]) if query.startswith("min(up{") else ([0.0], [0.2])
        return {FAILING: bad, SILENT: []}.get(version or 0, good)

    @contextlib.contextmanager
    def beside(self, server: ApiServer) -> Iterator[Sequence[str]]:
        """What runs beside the API server. Nothing is played: what is well is so by its controller."""
        self.api = server.client
        programs = locate(tools=[ROLLOUTS])
        with contextlib.ExitStack() as running:
            running.enter_context(simulated(server))
            add_nodes(server.client, nodes())
            _configure(server, programs["route-weights"])
            flags = ["--leader-elect=false", f"--metricsPort={free_port()}", f"--healthzPort={free_port()}"]
            command: list[str | Path] = [programs["rollouts-controller"], f"--kubeconfig={server.kubeconfig}", *flags]
            running.callback(Server("rollouts-controller", command, server.folder).stop)
            yield ()


def _configure(server: ApiServer, plugin: Path) -> None:
    """Tell the controller of rollouts of its plugin, as its chart does."""
    row = {"name": GATEWAY_PLUGIN, "location": plugin.as_uri(), "args": [f"--kubeconfig={server.kubeconfig}"]}
    name = "argo-rollouts"
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-config", "namespace": name},
        "data": {"trafficRouterPlugins": json.dumps([row])},
    }
    server.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    server.client.apply(config)


def namespace(endpoint: str) -> str:
    """The namespace of an endpoint of the stack `life`."""
    return f"groundwork-life-endpoint-{endpoint}"


@contextlib.contextmanager
def living(folder: Path) -> Iterator[Life]:
    """Endpoints at their first version, up and serving."""
    life = Life(folder)

    with prometheus(life.answer) as life.prometheus:
        life.write(1)
        root = Stage(ROOT, "life", stack_file=life.file).root
        real = real_provider(root, [life.file], given_to(life.file), beside=life.beside)
        assert real, "the real provider, or the tier has given up"
        life.stage = Stage(ROOT, "life", stack_file=life.file, clouds=real.clouds)
        life.stage.file.values = real.values
        with life.stage:
            life.up(1)
            yield life


def _version(body: dict[str, Any]) -> int:
    """The version of the model that a pod or its template serves."""
    (server, *_) = body["spec"]["containers"]
    return int(re.search(r"/(\d+)/$", server["args"][0])[1])  # type: ignore[index]


def _ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or ())


@contextlib.contextmanager
def prometheus(answer: Callable[[str], list[float]]) -> Iterator[str]:
    """A server that answers instant queries."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(parse_qs(urlsplit(self.path).query))

        def do_POST(self) -> None:
            self._say(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def _say(self, form: dict[str, list[str]]) -> None:
            rows = [{"metric": {}, "value": [time.time(), str(value)]} for value in answer(form["query"][0])]
            content = json.dumps({"status": "success", "data": {"resultType": "vector", "result": rows}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
