"""Components recorded on the site that exists, from arguments as a stack file would give them."""

from collections.abc import Callable
from typing import Any

import pytest

from components.contracts import Context
from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.tracking.server import TrackingServerArgs
from components.labels import Labels
from components.naming import Naming
from components.onprem.cluster import ExistingClusterArgs
from components.onprem.database import ExistingDatabaseArgs
from components.onprem.storage import ExistingStoreArgs
from components.spec import PLACEHOLDER_DIGEST
from graph.model import Graph, Resource
from graph.recorder import record

ENDPOINT = {
    "model": "models:/llama-3.1-8b/12",
    "engine": {"kind": "vllm", "image": f"registry.example.internal/ml/vllm@{PLACEHOLDER_DIGEST}", "context_length": 32768},
    "pool": "l40s",
    "gpus": 2,
    "cpu": 8,
    "memory": "64GiB",
    "weights": "16GiB",
    "load_time": "5m",
    "longest_request": "3m",
    "scale": {"min": 2, "max": 6, "waiting": 5},
    "clients": ["gateway"],
}
CONTAINER = {
    "kind": "container",
    "image": f"registry.example.internal/ml/embedder@{PLACEHOLDER_DIGEST}",
    "arguments": ["--batch", "8"],
    "port": 9000,
    "health": "/ready",
    "queue_metric": "te_queue_size",
}
TRACKING = {
    "image": f"registry.example.internal/ml/mlflow@{PLACEHOLDER_DIGEST}",
    "hosts": ["mlflow.example.internal"],
    "clients": ["notebooks"],
}
CREDENTIALS = {"kind": "external", "store": "vault", "key": "groundwork/some"}
CLUSTER = {
    "kubeconfig": "~/.kube/fra1.yaml",
    "context": "fra1-ml",
    "zonal": True,
    "pools": {
        "l40s": {
            "labels": {"nvidia.com/gpu.product": "NVIDIA-L40S"},
            "taints": [{"key": "nvidia.com/gpu", "value": "present"}, {"key": "dedicated"}],
            "gpus_per_node": 4,
            "gpu_memory": "45GiB",
            "nodes": 6,
        }
    },
}
STORE = {
    "endpoint": "https://s3.example.internal:9000",
    "addresses": ["10.64.8.0/28"],
    "models": {"bucket": "ml-models", "credentials": CREDENTIALS},
    "artifacts": {"bucket": "ml-artifacts", "credentials": CREDENTIALS},
}
DATABASE = {"host": "pg.example.internal", "name": "mlflow", "addresses": ["10.64.9.16/29"], "credentials": CREDENTIALS}
OPERATORS = {"install": ["keda"], "prometheus": {"address": "http://prometheus.monitoring.svc:9090", "namespace": "monitoring"}}


@pytest.fixture(scope="session")
def context() -> Context:
    return Context(Naming("groundwork", "fra1"), Labels("groundwork", "fra1", "ml-platform", "production"))


@pytest.fixture(scope="session")
def endpoint_args() -> Callable[..., InferenceEndpointArgs]:
    return lambda **changes: InferenceEndpointArgs.model_validate({**ENDPOINT, **changes})


@pytest.fixture(scope="session")
def container_engine() -> dict[str, Any]:
    return dict(CONTAINER)


@pytest.fixture(scope="session")
def tracking_args() -> Callable[..., TrackingServerArgs]:
    return lambda **changes: TrackingServerArgs.model_validate({**TRACKING, **changes})


class Site:
    """A site recorded with what each section is given; a test changes the sections it is about."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cluster: dict[str, Any] = dict(CLUSTER)
        self.store: dict[str, Any] = dict(STORE)
        self.database: dict[str, Any] = dict(DATABASE)
        self.operators: dict[str, Any] = dict(OPERATORS)
        self.tracking: TrackingServerArgs | None = None
        self.endpoints: dict[str, InferenceEndpointArgs] = {}

    def record(self, *, unknowns: bool = False) -> Graph:
        return record(self.program, project="groundwork", stack="fra1", config={}, unknowns=unknowns)

    def program(self) -> None:
        from components.kubernetes.addons.operators import Operators
        from components.kubernetes.serving.endpoint import InferenceEndpoint
        from components.kubernetes.serving.warm import WarmPriority
        from components.kubernetes.tracking.server import TrackingServer
        from components.onprem.cluster import ExistingCluster
        from components.onprem.database import ExistingDatabase
        from components.onprem.storage import ExistingBucket

        store, database = ExistingStoreArgs.model_validate(self.store), ExistingDatabaseArgs.model_validate(self.database)
        args = ExistingClusterArgs.model_validate(self.cluster)
        reach = {"storage": store.egress, "databases": database.egress}
        cluster = ExistingCluster("cluster", args, site="fra1", **reach, context=self.context)
        operators = Operators("operators", OperatorsArgs.model_validate(self.operators), cluster=cluster, context=self.context)
        shared = {"cluster": cluster, "operators": operators, "context": self.context}
        if self.tracking is not None:
            kept = ExistingDatabase(database, context=self.context)
            TrackingServer("tracking", self.tracking, artifacts=ExistingBucket(store, store.artifacts), database=kept, **shared)
        warmth = WarmPriority("warm", cluster=cluster, context=self.context).warmth
        for name, endpoint in self.endpoints.items():
            InferenceEndpoint(name, endpoint, models=ExistingBucket(store, store.models), warmth=warmth, **shared)


@pytest.fixture(scope="session")
def new_site(context: Context) -> Callable[[], Site]:
    return lambda: Site(context)


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    return new_site()


@pytest.fixture
def named() -> Callable[[Graph, str], Resource]:
    """The one resource of that logical name."""

    def find(graph: Graph, name: str) -> Resource:
        (found,) = [resource for resource in graph if resource.name == name]
        return found

    return find
