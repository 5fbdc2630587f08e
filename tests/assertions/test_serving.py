"""Serving, over every stack: probes that wait long enough, models split over the GPUs they ask for, and scaling that is safe."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from graph.model import Graph, Resource
from tests.assertions.graphs import STACKS, graph, platform
from tests.assertions.queries import GROUPS, SCALED, WORKLOADS, pod_of, servers

SERVED = [stack for stack, path in STACKS.items() if "endpoints:" in path.read_text(encoding="utf-8")]


def endpoint(stack: str, workload: Resource) -> Any:
    return platform(stack).endpoints[workload.inputs["metadata"]["labels"]["app.kubernetes.io/component"]]


def gpus(container: dict[str, Any]) -> int:
    return sum(int(count) for name, count in container["resources"]["limits"].items() if "/" in name and "efa" not in name)


def test_there_are_endpoints_to_look_at() -> None:
    assert len(SERVED) >= 3
    assert all(list(servers(graph(stack))) for stack in ("dev", "prod", "onprem"))


@pytest.mark.parametrize("stack", SERVED)
def test_a_model_may_load_before_anything_judges_its_pod(stack: str) -> None:
    for workload, container in servers(graph(stack)):
        if "--headless" in container.get("args", ()):
            continue
        probe = container["startupProbe"]
        assert probe["failureThreshold"] * probe["periodSeconds"] >= endpoint(stack, workload).load_time.seconds
        assert {"readinessProbe", "livenessProbe"} <= container.keys()
        assert not any("initialDelaySeconds" in container[name] for name in ("startupProbe", "readinessProbe", "livenessProbe"))


@pytest.mark.parametrize("stack", SERVED)
def test_a_pod_outlives_its_longest_answer(stack: str) -> None:
    for workload in {w.urn: w for w, _ in servers(graph(stack))}.values():
        for pod in pod_of(workload):
            sleep = max(c["lifecycle"]["preStop"]["sleep"]["seconds"] for c in pod["spec"]["containers"] if "lifecycle" in c)
            assert sleep >= endpoint(stack, workload).longest_request.seconds
            assert pod["spec"]["terminationGracePeriodSeconds"] > sleep


@pytest.mark.parametrize("stack", SERVED)
def test_a_model_is_split_over_the_gpus_that_it_asks_for(stack: str) -> None:
    for workload, container in servers(graph(stack)):
        if container.get("command", [""])[0] != "vllm":
            continue
        options = dict(pairwise(container["args"]))
        parallel = int(options["--tensor-parallel-size"]) * int(options.get("--pipeline-parallel-size", "1"))
        size = workload.inputs["spec"]["leaderWorkerTemplate"]["size"] if workload.type == GROUPS else 1
        assert parallel == gpus(container) * size
        assert 0 < float(options["--gpu-memory-utilization"]) < 1


@pytest.mark.parametrize("stack", SERVED)
def test_each_workload_has_one_autoscaler_that_looks_at_requests(stack: str) -> None:
    made = graph(stack)
    targets = Counter(
        (s.inputs["metadata"]["namespace"], s.inputs["spec"]["scaleTargetRef"]["kind"], s.inputs["spec"]["scaleTargetRef"]["name"])
        for s in made.of_type(SCALED)
    )
    served = {
        (w.inputs["metadata"]["namespace"], w.type.rsplit(":", 1)[1], w.inputs["metadata"]["name"])
        for w, _ in servers(made)
        if w.inputs["metadata"]["labels"]["app.kubernetes.io/component"] in platform(stack).endpoints
    }
    assert set(targets) == served
    assert set(targets.values()) == {1}
    assert not made.of_type("kubernetes:autoscaling/v2:HorizontalPodAutoscaler")


@pytest.mark.parametrize("stack", SERVED)
def test_scaling_is_slow_downwards_and_keeps_what_it_cannot_see(stack: str) -> None:
    for scaler in graph(stack).of_type(SCALED):
        spec = scaler.inputs["spec"]
        assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]["stabilizationWindowSeconds"] >= 300
        assert spec["fallback"]["replicas"] >= 1
        kinds = [trigger["type"] for trigger in spec["triggers"]]
        assert set(kinds) <= {"prometheus", "cron"}
        assert "prometheus" in kinds
        for trigger in spec["triggers"]:
            assert all(isinstance(value, str) for value in trigger["metadata"].values())
            assert trigger["metadata"].get("ignoreNullValues", "false") == "false"
        if spec["minReplicaCount"] == 0:
            assert "cron" in kinds or any(wakes(trigger) for trigger in spec["triggers"])


def wakes(trigger: dict[str, Any]) -> bool:
    """Whether a trigger looks at something that is there without a pod."""
    return trigger["type"] == "prometheus" and "kube_resourcequota" not in trigger["metadata"]["query"]


@pytest.mark.parametrize("stack", SERVED)
def test_endpoints_at_their_most_fit_their_pools(stack: str) -> None:
    asked: Counter[str] = Counter()
    for one in platform(stack).endpoints.values():
        asked[one.pool] += one.gpus * one.scale.max
    for pool, count in asked.items():
        node = platform(stack).node(pool)
        assert node is None or count <= node.gpus * node.nodes


@pytest.mark.parametrize("stack", SERVED)
def test_pods_reach_their_pool_alone(stack: str) -> None:
    made: Graph = graph(stack)
    for workload in made.of_type(*WORKLOADS, GROUPS):
        for pod in pod_of(workload):
            wants = any(gpus(c) for c in pod["spec"]["containers"] if "limits" in c.get("resources", {}))
            assert bool(pod["spec"].get("nodeSelector")) or not wants
