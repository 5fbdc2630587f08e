"""How arguments become pods, scaling and monitoring: functions alone, no resources."""

from itertools import pairwise
from typing import Any

import pytest

from components.contracts import AcceleratorPool, SecretKey, Taint
from components.kubernetes import manifests
from components.kubernetes.manifests import Identity
from components.kubernetes.serving import container as serving
from components.kubernetes.serving import pods
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.monitor import pod_monitor
from components.kubernetes.serving.objectives import ObjectivesArgs, prometheus_rule
from components.kubernetes.serving.scaling import ScaleArgs, awake, queue_query, scaled_object, triggers
from components.kubernetes.vocabulary import quantity
from components.spec import Size

LABELS = {"app.kubernetes.io/name": "inference-endpoint", "app.kubernetes.io/component": "chat", "groundwork.dev/owner": "ml"}
SHORT = Identity("x", "ns", {})
IDENTITY = Identity("chat", "groundwork-fra1-endpoint-chat", LABELS)
POOL = AcceleratorPool(
    name="l40s",
    machine="l40s",
    accelerator="l40s",
    resource="nvidia.com/gpu",
    per_node=4,
    memory_mib=46080,
    node_labels={"pool": "l40s"},
    taints=(Taint("nvidia.com/gpu", "present", "NoSchedule"), Taint("dedicated", "", "NoExecute")),
    max_nodes=6,
    capacity=("owned",),
)


def pod(args: Any, *, zonal: bool = True) -> Any:
    return pods.template(IDENTITY, args, POOL, "s3://models/x/", {}, zonal=zonal)["spec"]


def flags(args: Any) -> dict[str, str]:
    """vLLM's options by name."""
    words = serving.container(args, POOL, "s3://models/x/", {})["args"][1:]
    return {option: value for option, value in pairwise(words) if option.startswith("--")}


def test_a_model_uri_names_where_its_files_lie() -> None:
    assert Model.parse("models:/llama-3.1-8b/12").prefix == "models/llama-3.1-8b/12/"


@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
def test_tensor_parallelism_equals_the_gpus_of_the_pod(endpoint_args: Any, gpus: int) -> None:
    args = endpoint_args(gpus=gpus)
    limits = serving.container(args, POOL, "s3://models/x/", {})["resources"]["limits"]
    assert flags(args)["--tensor-parallel-size"] == limits["nvidia.com/gpu"] == str(gpus)
    assert ("--model-loader-extra-config" in flags(args)) is (gpus > 1)


def test_vllm_is_told_its_share_of_memory_and_its_context(endpoint_args: Any) -> None:
    engine = {**endpoint_args().engine.model_dump(mode="json"), "gpu_memory": "92.5%", "context_length": 4096}
    told = flags(endpoint_args(engine=engine))
    assert told["--gpu-memory-utilization"] == "0.925"
    assert told["--max-model-len"] == "4096"
    assert told["--served-model-name"] == "llama-3.1-8b"
    assert told["--load-format"] == "runai_streamer"


@pytest.mark.parametrize(("weights", "memory", "buffer"), [("16GiB", "64GiB", 16 * 2**30), ("70GiB", "64GiB", 32 * 2**30)])
def test_streaming_never_buffers_more_than_half_of_the_memory(endpoint_args: Any, weights: str, memory: str, buffer: int) -> None:
    variables = serving.vllm_environment(endpoint_args(weights=weights, memory=memory))
    assert variables["RUNAI_STREAMER_MEMORY_LIMIT"] == str(buffer)


def test_a_container_is_told_of_its_model(endpoint_args: Any, container_engine: dict[str, Any]) -> None:
    made = serving.container(endpoint_args(engine=container_engine), POOL, "s3://models/x/", {})
    assert {"name": "MODEL_URI", "value": "s3://models/x/"} in made["env"]
    assert made["args"] == ["--batch", "8"]
    assert made["ports"][0]["containerPort"] == 9000
    assert made["livenessProbe"]["httpGet"]["path"] == "/ready"


@pytest.mark.parametrize("load_time", ["10s", "95s", "5m", "1h"])
def test_the_startup_probe_waits_as_long_as_the_model_may_load(endpoint_args: Any, load_time: str) -> None:
    args = endpoint_args(load_time=load_time)
    made = serving.probes(args)
    budget = made["startupProbe"]["failureThreshold"] * made["startupProbe"]["periodSeconds"]
    assert args.load_time.seconds <= budget < args.load_time.seconds + serving.STARTUP_PERIOD
    assert not any("initialDelaySeconds" in probe for probe in made.values())


@pytest.mark.parametrize("longest", ["1s", "3m", "1h"])
def test_a_replica_outlives_its_longest_request(endpoint_args: Any, longest: str) -> None:
    args = endpoint_args(longest_request=longest)
    stopped = pod(args)
    sleep = stopped["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert sleep >= args.longest_request.seconds
    assert stopped["terminationGracePeriodSeconds"] >= sleep + 10


def test_gpus_and_memory_are_requested_as_they_are_limited(endpoint_args: Any) -> None:
    needs = serving.resources(endpoint_args(gpus=2, memory="64GiB"), POOL)
    assert needs["requests"] == {**needs["limits"], "cpu": "8"}
    assert needs["limits"] == {"nvidia.com/gpu": "2", "memory": "64Gi"}


def test_a_rollout_asks_for_no_spare_gpu(endpoint_args: Any) -> None:
    spec = pods.deployment(IDENTITY, endpoint_args(), {})["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert spec["progressDeadlineSeconds"] > 300


def test_pods_meet_the_restricted_standard(endpoint_args: Any) -> None:
    made = pod(endpoint_args())
    (container,) = made["containers"]
    assert made["securityContext"]["runAsNonRoot"] is True
    assert made["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert made["automountServiceAccountToken"] is False
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in made["volumes"]}
    assert all("emptyDir" in volume for volume in made["volumes"])


def test_shared_memory_is_memory_and_bounded(endpoint_args: Any) -> None:
    (shm,) = [volume for volume in pod(endpoint_args(memory="64GiB"))["volumes"] if volume["name"] == "shm"]
    assert shm["emptyDir"] == {"medium": "Memory", "sizeLimit": "16Gi"}


def test_pods_go_to_their_pool_and_tolerate_its_taints(endpoint_args: Any) -> None:
    made = pod(endpoint_args())
    assert made["nodeSelector"] == {"pool": "l40s"}
    assert made["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        {"key": "dedicated", "operator": "Exists", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    ("zonal", "keys"), [(True, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]), (False, ["kubernetes.io/hostname"])]
)
def test_replicas_spread_over_what_there_is(endpoint_args: Any, zonal: bool, keys: list[str]) -> None:
    spread = pod(endpoint_args(), zonal=zonal)["topologySpreadConstraints"]
    assert [constraint["topologyKey"] for constraint in spread] == keys


def test_scaling_follows_the_queue_and_fails_safe(endpoint_args: Any) -> None:
    args = endpoint_args()
    looked_at = triggers(args.scale, args.engine, IDENTITY, "nvidia.com/gpu", "http://prometheus:9090")
    spec = scaled_object(IDENTITY, args.scale, looked_at)["spec"]
    (trigger,) = spec["triggers"]
    assert trigger["metadata"] == {
        "serverAddress": "http://prometheus:9090",
        "query": 'sum(vllm:num_requests_waiting{namespace="groundwork-fra1-endpoint-chat",job="groundwork-fra1-endpoint-chat/chat"})',
        "threshold": "5",
        "ignoreNullValues": "false",
    }
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (2, 6)
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 600


def test_a_container_scales_on_its_own_metric(endpoint_args: Any, container_engine: dict[str, Any]) -> None:
    query = queue_query(endpoint_args(engine=container_engine).engine.queue_metric, SHORT)
    assert query == 'sum(te_queue_size{namespace="ns",job="ns/x"})'


def scaled(scale: dict[str, Any], engine: Any) -> dict[str, Any]:
    args = ScaleArgs.model_validate(scale)
    made: dict[str, Any] = scaled_object(IDENTITY, args, triggers(args, engine, SHORT, "nvidia.com/gpu", "http://prometheus:9090"))["spec"]
    return made


def test_every_signal_is_a_gauge_summed_over_replicas_with_its_own_threshold(endpoint_args: Any) -> None:
    spec = scaled({"min": 1, "max": 4, "running": 48, "kv_usage": "85%"}, endpoint_args().engine)
    asked = [(trigger["metadata"]["query"], trigger["metadata"]["threshold"]) for trigger in spec["triggers"]]
    assert asked == [
        ('sum(vllm:num_requests_waiting{namespace="ns",job="ns/x"})', "5"),
        ('sum(vllm:num_requests_running{namespace="ns",job="ns/x"})', "48"),
        ('sum(vllm:kv_cache_usage_perc{namespace="ns",job="ns/x"})', "0.85"),
    ]
    assert {trigger["metadata"]["ignoreNullValues"] for trigger in spec["triggers"]} == {"false"}


def test_an_endpoint_sleeps_where_something_wakes_it(endpoint_args: Any) -> None:
    """An empty queue of no pod is told from a queue that nobody sees, which takes no replica away."""
    wake = {"query": 'sum(jobs_waiting{queue="chat"})', "threshold": 20}
    hours = {"start": "0 7 * * 1-5", "end": "0 19 * * 1-5", "timezone": "Europe/Berlin", "replicas": 2}
    spec = scaled({"min": 0, "max": 4, "wake": wake, "schedules": {"office": hours}}, endpoint_args().engine)
    queue, waker, office = spec["triggers"]
    held = 'kube_resourcequota{namespace="ns",resource="requests.nvidia.com/gpu",type="used"}'
    assert queue["metadata"]["query"] == f'sum(vllm:num_requests_waiting{{namespace="ns",job="ns/x"}}) or (sum({held}) == 0)'
    assert waker["metadata"]["query"] == wake["query"]
    assert waker["metadata"]["threshold"] == "20"
    metadata = {"timezone": "Europe/Berlin", "start": "0 7 * * 1-5", "end": "0 19 * * 1-5", "desiredReplicas": "2"}
    assert office == {"type": "cron", "metadata": metadata}
    assert spec["fallback"]["replicas"] == 1
    assert (spec["minReplicaCount"], spec["cooldownPeriod"]) == (0, 600)


def test_an_endpoint_that_sleeps_is_made_awake(endpoint_args: Any) -> None:
    hours = {"start": "0 7 * * *", "end": "0 19 * * *", "timezone": "UTC", "replicas": 1}
    args = endpoint_args(scale={"min": 0, "max": 2, "schedules": {"day": hours}})
    assert pods.deployment(IDENTITY, args, {})["spec"]["replicas"] == 1


def test_silence_of_a_sleeper_is_nothing_to_tell() -> None:
    args = ObjectivesArgs.model_validate({"errors": "1%"})
    told = [prometheus_rule(IDENTITY, args, awake=when)["spec"]["groups"][-1]["rules"][0]["expr"] for when in ("", awake("ns", "gpu"))]
    assert told[1] == told[0] + ' and on() sum(kube_resourcequota{namespace="ns",resource="requests.gpu",type="used"}) > 0'


def test_the_quota_holds_every_replica_and_one_that_is_stopping(endpoint_args: Any) -> None:
    assert pods.quota(endpoint_args(), "nvidia.com/gpu") == {"pods": "7", "requests.nvidia.com/gpu": "14"}


def test_policies_close_everything_but_what_is_named() -> None:
    policy = manifests.network_policy(IDENTITY, 8000, ["gateway", "gateway", "monitoring"], [("10.0.0.0/28", 443), ("10.0.0.0/28", 443)])
    spec = policy["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    ((inward,), (dns, store)) = spec["ingress"], spec["egress"]
    assert inward["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["gateway", "monitoring"]
    assert inward["ports"] == [{"protocol": "TCP", "port": 8000}]
    assert {(port["protocol"], port["port"]) for port in dns["ports"]} == {(way, port) for way in ("UDP", "TCP") for port in (53, 5353)}
    assert store == {"to": [{"ipBlock": {"cidr": "10.0.0.0/28"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    assert manifests.network_policy(IDENTITY, 8000, [], [])["spec"]["ingress"] == []


def test_a_budget_never_blocks_every_eviction() -> None:
    spec = manifests.disruption_budget(IDENTITY)["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert "groundwork.dev/owner" not in spec["selector"]["matchLabels"]


def test_a_secret_enters_the_environment_by_reference_alone() -> None:
    assert manifests.environment({"B": "x", "A": SecretKey("s", "k")}) == [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "B", "value": "x"},
    ]


@pytest.mark.parametrize(("size", "spelled"), [("64GiB", "64Gi"), ("1.5GiB", "1536Mi"), ("0.5MiB", "524288")])
def test_sizes_are_spelled_exactly(size: str, spelled: str) -> None:
    assert quantity(Size(size)) == spelled


def test_what_is_scraped_and_served_is_the_port_the_pod_names(endpoint_args: Any) -> None:
    (endpoint,) = pod_monitor(IDENTITY)["spec"]["podMetricsEndpoints"]
    (port,) = serving.container(endpoint_args(), POOL, "s3://models/x/", {})["ports"]
    (served,) = manifests.service(IDENTITY, 80)["spec"]["ports"]
    assert endpoint["port"] == served["targetPort"] == port["name"]
    assert pod_monitor(IDENTITY)["spec"]["selector"]["matchLabels"] == manifests.service(IDENTITY, 80)["spec"]["selector"]
