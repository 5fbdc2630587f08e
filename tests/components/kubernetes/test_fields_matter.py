"""Every field of the sections that components here accept changes what is sent to a provider; labels and annotations do not count."""

from copy import deepcopy
from typing import Any

import pytest

from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.tracking.server import TrackingServerArgs
from components.spec import Secret, Spec
from graph.model import Graph

DIGEST = "sha256:" + "1" * 64
OTHER_POOL = {"labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}, "gpus_per_node": 4, "gpu_memory": "24GiB", "nodes": 2}
GIVEN = {"kind": "given", "username": Secret("u", encrypted=False), "password": Secret("p", encrypted=False)}
CHANGES: dict[str, Any] = {
    "endpoint.model": "models:/llama-3.1-8b/13",
    "endpoint.engine.image": f"registry.example.internal/ml/vllm@{DIGEST}",
    "endpoint.engine.context_length": 4096,
    "endpoint.engine.concurrency": 32,
    "endpoint.engine.kv_cache": "fp8",
    "endpoint.engine.gpu_memory": "85%",
    "endpoint.pool": "l4",
    "endpoint.gpus": 4,
    "endpoint.nodes": 2,
    "endpoint.cpu": 9,
    "endpoint.memory": "65GiB",
    "endpoint.weights": "17GiB",
    "endpoint.cache": {"storage_class": "shared", "size": "40GiB", "image": f"registry.example.internal/ml/aws-cli@{DIGEST}"},
    "endpoint.load_time": "6m",
    "endpoint.longest_request": "4m",
    "endpoint.scale.min": 3,
    "endpoint.scale.max": 7,
    "endpoint.scale.waiting": 6,
    "endpoint.scale.running": 30,
    "endpoint.scale.kv_usage": "80%",
    "endpoint.scale.settle": "11m",
    "endpoint.scale.warm": 1,
    "endpoint.scale.schedules": {"day": {"start": "0 7 * * *", "end": "0 19 * * *", "timezone": "UTC", "replicas": 3}},
    "endpoint.scale.wake": {"query": "sum(jobs_waiting)", "threshold": 9},
    "endpoint.objectives": {"errors": "1%", "ttft_p95": "2.5s"},
    "endpoint.probe": {"image": f"registry.example.internal/ml/python@{DIGEST}"},
    "endpoint.clients": ["batch"],
    "endpoint.secrets": {"API_KEY": Secret("x", encrypted=False)},
    "container.engine.image": f"registry.example.internal/ml/embedder@{DIGEST}",
    "container.engine.arguments": ["--batch", "9"],
    "container.engine.port": 9001,
    "container.engine.health": "/live",
    "container.engine.queue_metric": "waiting_total",
    "container.weights": "17GiB",
    "tracking.image": f"registry.example.internal/ml/mlflow@{DIGEST}",
    "tracking.replicas": 3,
    "tracking.cpu": 2,
    "tracking.memory": "3GiB",
    "tracking.hosts": ["runs.example.internal"],
    "tracking.clients": ["training"],
    "tracking.login": {"administrator": {"kind": "external", "store": "vault", "key": "groundwork/mlflow"}},
    "operators.install": ["keda", "external-secrets"],
    "operators.given": ["envoy-gateway"],
    "operators.gateway_plugin": f"registry.example.internal/ml/gateway-plugin@{DIGEST}",
    "operators.prometheus.address": "http://thanos.monitoring.svc:9090",
    "operators.prometheus.namespace": "metrics",
    "operators.mirror": {"registry": "registry.example.internal/mirror"},
    "store.endpoint": "https://s3.example.internal:9001",
    "store.region": "eu-central-1",
    "store.addresses": ["10.64.8.16/28"],
    "store.models.bucket": "other-models",
    "store.models.credentials": GIVEN,
    "store.artifacts.bucket": "other-artifacts",
    "store.artifacts.credentials.store": "other",
    "store.artifacts.credentials.key": "other",
    "store.artifacts.credentials.username_field": "other",
    "store.artifacts.credentials.password_field": "other",
    "database.host": "pg2.example.internal",
    "database.port": 5433,
    "database.name": "other",
    "database.addresses": ["10.64.9.24/29"],
    "database.credentials": GIVEN,
    "cluster.kubeconfig": "~/.kube/other.yaml",
    "cluster.context": "other",
    "cluster.zonal": False,
    "cluster.pools.l40s.labels": {"pool": "a"},
    "cluster.pools.l40s.taints": [{"key": "other"}],
    "cluster.pools.l40s.gpu_resource": "nvidia.com/mig-1g.10gb",
}
FACTS = {f"cluster.pools.l40s.{field}" for field in ("gpus_per_node", "gpu_memory", "nodes", "pull_speed")}
ELSEWHERE = {"endpoint.rollout", "endpoint.traffic", "endpoint.shadow", "operators.gpu_dashboard", "operators.metrics"}
"""Sections and fields that are tried over whole stack files."""
JUDGED = {*ELSEWHERE, "endpoint.facts", "endpoint.scale.cold_start", *FACTS}
"""Fields that only the platform's rules read: whether endpoints fit."""


def changed(section: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    copied = deepcopy(section)
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied


def sent(graph: Graph) -> dict[str, Any]:
    """Inputs by URN, without labels and annotations."""
    return {r.urn: bare(r.inputs) for r in graph if r.custom}


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if key not in ("labels", "annotations")}
    return [bare(item) for item in value] if isinstance(value, list) else value


def recorded(site: Any, sections: dict[str, Any]) -> Graph:
    for name in ("cluster", "store", "database", "operators"):
        setattr(site, name, sections[name])
    site.tracking = TrackingServerArgs.model_validate(sections["tracking"])
    site.endpoints = {name: InferenceEndpointArgs.model_validate(sections[name]) for name in ("endpoint", "container")}
    graph: Graph = site.record()
    return graph


@pytest.fixture(scope="module")
def sections(new_site: Any, endpoint_args: Any, container_engine: dict[str, Any], tracking_args: Any) -> dict[str, Any]:
    site, endpoint = new_site(), endpoint_args().model_dump(mode="json", exclude_unset=True)
    return {
        "cluster": changed(site.cluster, ["pools", "l4"], OTHER_POOL),
        "store": site.store,
        "database": site.database,
        "operators": {**site.operators, "install": ["keda", "cert-manager", "argo-rollouts"]},
        "endpoint": endpoint,
        "container": {**endpoint, "engine": container_engine},
        "tracking": tracking_args().model_dump(mode="json", exclude_unset=True),
    }


@pytest.fixture(scope="module")
def before(new_site: Any, sections: dict[str, Any]) -> dict[str, Any]:
    return sent(recorded(new_site(), sections))


@pytest.mark.parametrize("path", CHANGES)
def test_the_field_matters(site: Any, sections: dict[str, Any], before: dict[str, Any], path: str) -> None:
    section, *keys = path.split(".")
    after = sent(recorded(site, {**sections, section: changed(sections[section], keys, CHANGES[path])}))
    assert before != after


def fields_of(model: type[Spec], data: Any, prefix: str) -> set[str]:
    """Every field of a section by its path: models are entered where the data has one."""
    found: set[str] = set()
    for name in model.model_fields:
        value = getattr(data, name)
        path = f"{prefix}.{name}"
        if isinstance(value, Spec):
            found |= fields_of(type(value), value, path)
        elif isinstance(value, dict) and value and all(isinstance(item, Spec) for item in value.values()):
            found |= {inner for key, item in value.items() for inner in fields_of(type(item), item, f"{path}.{key}")}
        else:
            found.add(path)
    return found


def test_no_field_was_forgotten(site: Any, endpoint_args: Any, container_engine: dict[str, Any], tracking_args: Any) -> None:
    from components.kubernetes.addons.operators import OperatorsArgs
    from components.onprem.cluster import ExistingClusterArgs
    from components.onprem.database import ExistingDatabaseArgs
    from components.onprem.storage import ExistingStoreArgs

    models = {
        "endpoint": endpoint_args(),
        "container": endpoint_args(engine=container_engine),
        "tracking": tracking_args(),
        "operators": OperatorsArgs.model_validate(site.operators),
        "cluster": ExistingClusterArgs.model_validate(site.cluster),
        "store": ExistingStoreArgs.model_validate(site.store),
        "database": ExistingDatabaseArgs.model_validate(site.database),
    }
    declared = {path for name, data in models.items() for path in fields_of(type(data), data, name) if not path.endswith(".kind")}
    twins = {path for path in declared if path.startswith("container.") and not path.startswith("container.engine")}
    credentials = {path for path in declared if ".credentials." in path}
    assert declared - twins - credentials - set(CHANGES) == JUDGED
