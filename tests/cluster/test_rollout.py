"""The life of an endpoint under the real Argo Rollouts controller: what is good stays, and what is not is turned back by its own series.

The objects are those of a stack file, applied as the provider applies them. A stand-in for Prometheus answers by the version that the query
names, so that a gate which looked at other pods would let everything through.
"""

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from components.kubernetes.serving import pods
from graph.exporters.kubernetes import manifest, objects
from rehearsal.control_plane.client import Client
from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.processes import Server, free_port
from rehearsal.control_plane.server import HOST, ApiServer
from rehearsal.control_plane.simulation import add_nodes, simulated, wait_until
from rehearsal.control_plane.tools import ROLLOUTS, locate
from tests.cluster import shapes
from tests.evaluated import evaluate

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
NAMESPACE = "groundwork-life-endpoint-chat"
LABEL = "rollouts-pod-template-hash"
GOOD, FAILING, SILENT, BROKEN = 2, 3, 4, 5
"""Versions of the model: one that keeps its promises, one with errors, one that nobody can see, one whose pods find no node."""
ROLLOUT = """        objectives: {errors: 1%, ttft_p95: 2.5s}
        rollout:
          canary: {steps: [50%, 100%], hold: 8s, surge: 1}
          gates: {interval: 5s, delay: 0s, failures: 0}
"""


def stack(version: int, prometheus: str, folder: Path) -> Path:
    """The on-premises stack with a rollout at a human's patience, and a version of its model."""
    text = (ROOT / "Pulumi.onprem.yaml").read_text()
    text = text.replace("install: [keda]", "install: [keda, argo-rollouts]").replace("        clients: [gateway]\n", ROLLOUT)
    text = text.replace('"http://prometheus-operated.monitoring.svc:9090"', f'"{prometheus}"')
    text = text.replace("models:/llama-3.1-8b-instruct/12", f"models:/llama-3.1-8b-instruct/{version}")
    text = text.replace("load_time: 5m", "load_time: 10s").replace("longest_request: 3m", "longest_request: 1s")
    text = text.replace("cpu: 6", "cpu: 200") if version == BROKEN else text
    path = folder / "Pulumi.life.yaml"
    path.write_text(text)
    return path


class Life:
    """One endpoint on a cluster of its own."""

    def __init__(self, api: Client, folder: Path) -> None:
        self.api = api
        self.folder = folder
        self.prometheus = ""
        self.asked: list[str] = []

    def bodies(self, version: int) -> list[dict[str, Any]]:
        found = map(manifest, objects(evaluate(stack(version, self.prometheus, self.folder)).graph))
        return [b for b in found if NAMESPACE in (b["metadata"]["name"], b["metadata"].get("namespace"))]

    def up(self, version: int) -> None:
        """What `up` sends to the cluster."""
        for body in self.bodies(version):
            self.api.apply(body, manager="pulumi-kubernetes")

    @property
    def rollout(self) -> dict[str, Any]:
        (found,) = self.api.items("argoproj.io/v1alpha1", "Rollout", NAMESPACE)
        return found

    def of(self, version: int) -> str:
        """The hash of a version's pods, "" before there are any."""
        return next((h for h, v in self.versions().items() if v == version), "")

    def versions(self) -> dict[str, int]:
        """Hash of pods to the version of the model that they serve."""
        sets = self.api.items("apps/v1", "ReplicaSet", NAMESPACE)
        return {
            row["metadata"]["labels"][LABEL]: int(re.search(r"/(\d+)/$", row["spec"]["template"]["spec"]["containers"][0]["args"][0])[1])  # type: ignore[index]
            for row in sets
        }

    def ready(self, version: int) -> int:
        """Ready pods of a version."""
        chosen = self.api.items("v1", "Pod", NAMESPACE, labelSelector=f"{LABEL}={self.of(version)}")
        return sum(_ready(pod) for pod in chosen if not pod["metadata"].get("deletionTimestamp"))

    def answer(self, query: str) -> list[float]:
        """What Prometheus would say of a version: of one that keeps its promises, of one that does not, of one that it never scraped."""
        self.asked.append(query)
        named = re.search(r'rollouts_pod_template_hash="(\w+)"', query)
        version = self.versions().get(named[1]) if named else None
        return {GOOD: [0.0], FAILING: [0.2], SILENT: []}.get(version or 0, [0.0])


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


@pytest.fixture(scope="module")
def life(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """The first version, up and serving."""
    assert server, "provisioned, or the tier has given up"
    controller = locate(tools=[ROLLOUTS])["rollouts-controller"]
    with contextlib.ExitStack() as stack_, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pods, "NODE_MARGIN", 5)
        own = stack_.enter_context(api_server())
        stack_.enter_context(simulated(own))
        made = Life(own.client, tmp_path_factory.mktemp("life"))
        made.prometheus = stack_.enter_context(prometheus(made.answer))
        platform = evaluate(stack(1, made.prometheus, made.folder)).platform
        add_nodes(own.client, list(shapes.of_site(platform)))  # type: ignore[arg-type]
        own.client.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo-rollouts"}})
        flags = [f"--kubeconfig={own.kubeconfig}", "--leader-elect=false", f"--metricsPort={free_port()}", f"--healthzPort={free_port()}"]
        stack_.callback(Server("rollouts-controller", [controller, *flags], own.folder).stop)
        made.up(1)
        wait_until(lambda: made.rollout.get("status", {}).get("phase") == "Healthy", "the first version does not come up")
        yield made


def test_a_good_version_takes_over_and_up_in_the_middle_changes_nothing(life: Life) -> None:
    life.up(GOOD)
    wait_until(lambda: life.rollout["status"].get("currentStepIndex") == 1 and life.ready(GOOD) == 1, "the canary does not begin")
    before = life.rollout
    life.up(GOOD)
    after = life.rollout
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["status"]["currentPodHash"] == before["status"]["currentPodHash"]
    assert life.ready(1) + life.ready(GOOD) >= 2
    wait_until(lambda: life.rollout["status"]["phase"] == "Healthy" and life.ready(GOOD) == 2, "it is not promoted")
    assert life.rollout["status"]["stableRS"] == life.of(GOOD)
    assert {True} == {f'"{life.of(GOOD)}"' in query for query in life.asked}, "both gates look at the new version alone"
    assert {"http_requests_total" in query for query in life.asked} == {True, False}


@pytest.mark.parametrize(
    ("version", "says"),
    [(FAILING, "failed"), (SILENT, "failed"), (BROKEN, "aborted")],
    ids=["errors", "no-data", "never-ready"],
)
def test_a_version_that_does_not_keep_the_promises_is_rolled_back(life: Life, version: int, says: str) -> None:
    serving = []
    life.up(version)

    def turned_back() -> bool:
        serving.append(life.ready(GOOD) + (life.ready(version) if life.of(version) else 0))
        status = life.rollout["status"]
        return bool(status.get("abort")) and status.get("phase") == "Degraded" and life.ready(GOOD) == 2

    wait_until(turned_back, f"version {version} stays")
    assert min(serving) >= 2, "there were two replicas all the time"
    status = life.rollout["status"]
    assert status["stableRS"] == life.of(GOOD)
    assert says in status["message"].lower()
    wait_until(lambda: life.ready(version) == 0, "its pods stay")
    life.up(GOOD)
    wait_until(lambda: life.rollout["status"]["phase"] == "Healthy", "the file's way back does not heal it")
