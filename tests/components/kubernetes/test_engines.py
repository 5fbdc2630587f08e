"""Engines beside vLLM on one node: several nodes that run one model, and Triton with its repository and its ports."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from components.contracts import Fabric
from components.kubernetes.manifests import Identity
from components.kubernetes.serving import container, multinode, ports
from components.kubernetes.serving.container import triton_repository
from components.kubernetes.serving.monitor import pod_monitor
from components.kubernetes.serving.objectives import ObjectivesArgs, objectives
from components.kubernetes.serving.pods import quota
from components.spec import PLACEHOLDER_DIGEST
from tests.components.kubernetes.test_serving_manifests import IDENTITY, POOL

TRITON = {"kind": "triton", "image": f"registry.example.internal/ml/triton@{PLACEHOLDER_DIGEST}", "arguments": ["--log-verbose=1"]}
EFA = replace(POOL, per_node=8, fabric=Fabric("vpc.amazonaws.com/efa", 32, 5128))


def group(args: Any, pool: Any = EFA, *, zonal: bool = False) -> Any:
    made = multinode.leader_worker_set(IDENTITY, args, pool, "s3://models/x/", {}, zonal=zonal)
    return made["spec"]["leaderWorkerTemplate"]


def test_pods_of_a_group_without_a_fabric_stay_in_one_zone(endpoint_args: Any) -> None:
    args = endpoint_args(gpus=4, nodes=2)
    templates = group(args, POOL, zonal=True)
    for who in ("leaderTemplate", "workerTemplate"):
        spec, labels = templates[who]["spec"], templates[who]["metadata"]["labels"]
        (term,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "topology.kubernetes.io/zone"
        assert term["matchLabelKeys"] == ["leaderworkerset.sigs.k8s.io/group-index"]
        assert term["labelSelector"]["matchLabels"].items() <= labels.items(), "it matches itself"
    for plain in (group(args, POOL), group(args, EFA, zonal=True)):
        assert "affinity" not in plain["leaderTemplate"]["spec"]


def server(template: Any) -> Any:
    (made,) = template["spec"]["containers"]
    return made


def test_a_group_splits_tensors_in_a_node_and_layers_over_nodes(endpoint_args: Any) -> None:
    made = group(endpoint_args(gpus=8, nodes=2))
    assert made["size"] == 2
    for template in (made["leaderTemplate"], made["workerTemplate"]):
        options = dict(pairwise(server(template)["args"]))
        assert (options["--tensor-parallel-size"], options["--pipeline-parallel-size"], options["--nnodes"]) == ("8", "2", "2")
        assert (options["--node-rank"], options["--master-addr"]) == ("$(LWS_WORKER_INDEX)", "$(LWS_LEADER_ADDRESS)")
    assert ["--headless" in server(made[f"{who}Template"])["args"] for who in ("leader", "worker")] == [False, True]


def test_the_leader_alone_answers(endpoint_args: Any) -> None:
    made = group(endpoint_args(gpus=8, nodes=2))
    leader, worker = made["leaderTemplate"], made["workerTemplate"]
    assert IDENTITY.selector.items() <= leader["metadata"]["labels"].items()
    assert not IDENTITY.selector.items() <= worker["metadata"]["labels"].items()
    assert "readinessProbe" in server(leader)
    assert not {"ports", "readinessProbe", "livenessProbe", "startupProbe"} & server(worker).keys()
    assert worker["spec"]["serviceAccountName"] == leader["spec"]["serviceAccountName"] == IDENTITY.name
    grace = [template["spec"]["terminationGracePeriodSeconds"] for template in (leader, worker)]
    assert grace[0] == grace[1]


@pytest.mark.parametrize(("gpus", "interfaces", "pages"), [(8, "32", "5128Mi"), (4, "16", "2564Mi"), (1, "4", "640Mi")])
def test_a_pod_asks_for_its_share_of_the_fabric(endpoint_args: Any, gpus: int, interfaces: str, pages: str) -> None:
    needs = server(group(endpoint_args(gpus=gpus, nodes=2))["workerTemplate"])["resources"]
    assert needs["limits"]["vpc.amazonaws.com/efa"] == needs["requests"]["vpc.amazonaws.com/efa"] == interfaces
    assert needs["limits"]["hugepages-2Mi"] == pages
    plain = server(group(endpoint_args(gpus=4, nodes=2), POOL)["workerTemplate"])["resources"]
    assert set(plain["limits"]) == {"nvidia.com/gpu", "memory", "ephemeral-storage"}


def test_one_node_asks_for_no_fabric(endpoint_args: Any) -> None:
    assert set(container.resources(endpoint_args(gpus=8), EFA)["limits"]) == {"nvidia.com/gpu", "memory"}


def test_the_quota_counts_every_pod_of_a_group(endpoint_args: Any) -> None:
    assert quota(endpoint_args(gpus=8, nodes=2), "nvidia.com/gpu") == {"pods": "14", "requests.nvidia.com/gpu": "112"}


def test_groups_are_registered_and_scaled_as_such(site: Any, endpoint_args: Any, named: Any) -> None:
    site.operators = {**site.operators, "install": ["keda", "lws"]}
    site.endpoints = {"chat": endpoint_args(nodes=2)}
    graph = site.record()
    groups = named(graph, "chat-groups")
    assert groups.type == "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
    assert groups.options.ignore_changes == ("spec.replicas",)
    assert groups.options.timeouts["create"] == "1410s"
    target = named(graph, "chat-scaler").inputs["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "chat"}
    fetched = [rule["to"][0] for rule in named(graph, "chat-workers-network").inputs["spec"]["egress"]]
    assert {"ipBlock": {"cidr": "10.64.8.0/28"}} in fetched
    assert not [r for r in graph if r.type.endswith("Deployment") and r.name.startswith("chat")]


def test_triton_reads_its_repository_and_keeps_a_copy_where_it_may_write(endpoint_args: Any) -> None:
    args = endpoint_args(engine=TRITON, weights="7.5GiB")
    made = container.container(args, POOL, "s3://models/vision/3/", {})
    assert made["command"] == ["tritonserver"]
    assert made["args"] == [
        "--model-repository=s3://models/vision/3/",
        "--http-port=8000",
        "--grpc-port=8001",
        "--metrics-port=8002",
        "--log-verbose=1",
    ]
    assert {"name": "TRITON_AWS_MOUNT_DIRECTORY", "value": "/models"} in made["env"]
    assert {"name": "models", "mountPath": "/models"} in made["volumeMounts"]
    (copy,) = [volume for volume in container.volumes(IDENTITY, args) if volume["name"] == "models"]
    assert copy["emptyDir"] == {"sizeLimit": "9Gi"}
    assert made["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert made["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"


@pytest.mark.parametrize(
    ("endpoint", "written"),
    [
        (None, "s3://models/x/"),
        ("https://s3.example.internal", "s3://https://s3.example.internal:443/models/x/"),
        ("http://10.0.0.1:9000", "s3://http://10.0.0.1:9000/models/x/"),
    ],
)
def test_a_store_of_ones_own_is_written_as_triton_wants_it(endpoint: str | None, written: str) -> None:
    assert triton_repository("s3://models/x/", endpoint) == written


def test_tritons_ports_are_open_to_those_who_need_them(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"vision": endpoint_args(engine=TRITON, objectives={"errors": "1%"})}
    graph = site.record()
    let_in = {
        rule["ports"][0]["port"]: rule["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"]
        for rule in named(graph, "vision-ports").inputs["spec"]["ingress"]
    }
    assert let_in == {8001: ["gateway"], 8002: ["monitoring"]}
    assert named(graph, "vision-grpc").inputs["spec"]["ports"][0]["port"] == 8001
    assert named(graph, "vision-monitor").inputs["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"
    assert pod_monitor(IDENTITY)["spec"]["podMetricsEndpoints"][0]["port"] == "http"
    (server,) = named(graph, "vision-pods").inputs["spec"]["template"]["spec"]["containers"]
    assert server["args"][0] == "--model-repository=s3://https://s3.example.internal:9000/ml-models/models/llama-3.1-8b/12/"


def test_nobody_is_let_in_where_there_are_no_clients() -> None:
    rules = ports.admitted(IDENTITY, {"grpc": 8001, "metrics": 8002}, [], "monitoring")["spec"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in rules] == [8002]


def test_errors_of_triton_are_a_share_of_all_its_requests(endpoint_args: Any) -> None:
    engine = endpoint_args(engine=TRITON).engine
    (errors,) = objectives(ObjectivesArgs.model_validate({"errors": "1%"}), Identity("x", "ns", {}), counted=engine.counts)
    success, failure = (
        f'sum(rate(nv_inference_request_{what}{{namespace="ns",job="ns/x"}}[{{window}}]))' for what in ("success", "failure")
    )
    assert errors.every == f"({success} + {failure})"
    assert errors.bad == f"({failure} or vector(0))"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"engine": TRITON, "objectives": {"errors": "1%", "ttft_p95": "2.5s"}}, "not counted by triton"),
        ({"engine": TRITON, "nodes": 2}, "runs on one node"),
        ({"engine": TRITON, "scale": {"min": 1, "max": 2, "kv_usage": "80%"}}, "is not counted by a triton"),
    ],
)
def test_what_triton_cannot_is_refused(endpoint_args: Any, change: dict[str, Any], told: str) -> None:
    assert endpoint_args(**{**change, "engine": endpoint_args().engine})
    with pytest.raises(ValidationError, match=told):
        endpoint_args(**change)


CACHE = {"storage_class": "shared", "size": "40GiB", "image": f"registry.example.internal/ml/aws-cli@{PLACEHOLDER_DIGEST}"}


def test_a_cache_is_filled_before_replicas_change_and_read_by_all(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args(cache=CACHE)}
    graph = site.record()
    job, held, pods = named(graph, "chat-fill-job"), named(graph, "chat-weights"), named(graph, "chat-pods")
    assert held.inputs["spec"]["accessModes"] == ["ReadWriteMany"]
    assert held.inputs["spec"]["storageClassName"] == "shared"
    assert job.urn in pods.dependencies
    (fill,) = job.inputs["spec"]["template"]["spec"]["containers"]
    where = "/weights/models/llama-3.1-8b/12"
    assert fill["command"] == ["aws", "s3", "sync", "s3://ml-models/models/llama-3.1-8b/12/", where, "--only-show-errors"]
    (server,) = pods.inputs["spec"]["template"]["spec"]["containers"]
    assert server["args"][0] == where
    assert "runai_streamer" not in server["args"]
    assert {"name": "weights", "mountPath": "/weights", "readOnly": True} in server["volumeMounts"]
    assert job.inputs["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "chat-fill"


def test_another_version_is_another_job_beside_the_old_files(site: Any, new_site: Any, endpoint_args: Any, named: Any) -> None:
    other = new_site()
    site.endpoints = {"chat": endpoint_args(cache=CACHE)}
    other.endpoints = {"chat": endpoint_args(cache=CACHE, model="models:/llama-3.1-8b/13")}
    before, after = site.record(), other.record()
    assert named(before, "chat-fill-job").inputs["metadata"]["name"] != named(after, "chat-fill-job").inputs["metadata"]["name"]
    assert named(before, "chat-weights").inputs == named(after, "chat-weights").inputs


@pytest.mark.parametrize("engine", ["triton", "container"])
def test_every_engine_reads_the_cache(endpoint_args: Any, container_engine: dict[str, Any], engine: str) -> None:
    args = endpoint_args(engine=TRITON if engine == "triton" else container_engine, cache=CACHE)
    made = container.container(args, POOL, "s3://models/x/", {"AWS_ENDPOINT_URL": "https://s3.example.internal"})
    assert "/weights/models/llama-3.1-8b/12" in str(made)
    assert "s3://" not in str(made)
    assert "models" not in container.mounts(args)


@pytest.mark.parametrize(("size", "told"), [("31GiB", "give 32GiB or more"), ("512MiB", "give 1GiB or more")])
def test_a_cache_holds_two_versions(endpoint_args: Any, size: str, told: str) -> None:
    assert endpoint_args(cache={**CACHE, "size": "32GiB"})
    with pytest.raises(ValidationError, match=told):
        endpoint_args(cache={**CACHE, "size": size})
