"""A site that exists: what a stack file may say of it, and what its parts tell workloads."""

from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from components.contracts import Context, Grant
from components.labels import Labels
from components.naming import Naming
from components.onprem.cluster import ExistingCluster, ExistingClusterArgs, accelerator_pool
from components.onprem.database import ExistingDatabaseArgs
from components.onprem.storage import ExistingBucket, ExistingStoreArgs
from graph.model import Graph
from graph.recorder import record

POOL: dict[str, Any] = {"labels": {"nvidia.com/gpu.product": "NVIDIA-L40S"}, "gpus_per_node": 4, "gpu_memory": "45GiB", "nodes": 6}
CREDENTIALS = {"kind": "external", "store": "vault", "key": "some/path"}
STORE: dict[str, Any] = {
    "endpoint": "https://s3.example.internal",
    "addresses": ["10.64.8.0/28", "10.65.8.0/28"],
    "models": {"bucket": "ml-models", "credentials": CREDENTIALS},
    "artifacts": {"bucket": "ml-artifacts", "credentials": CREDENTIALS},
}
DATABASE: dict[str, Any] = {"host": "pg.example.internal", "name": "mlflow", "addresses": ["10.64.9.16/29"], "credentials": CREDENTIALS}
CONTEXT = Context(Naming("groundwork", "fra1"), Labels("groundwork", "fra1", "ml-platform", "production"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"endpoint": "https://s3.example.internal/path"}, "pattern"),
        ({"endpoint": "https://s3.example.internal:99999"}, "names a port above 65535"),
        ({"endpoint": "s3.example.internal"}, "pattern"),
        ({"addresses": []}, "at least 1 item"),
        ({"addresses": ["10.64.8.1/28"]}, "without host bits"),
        ({"addresses": ["10.64.8.0/40"]}, "CIDR block"),
        ({"artifacts": STORE["models"]}, "holds the models too"),
        ({"models": {"bucket": "ml-models", "credentials": {**CREDENTIALS, "kind": "plain"}}}, "'external', 'given'"),
        ({"models": {"bucket": "ml-models", "credentials": {"kind": "given", "username": "a", "password": "b"}}}, "must be a secret"),
    ],
)
def test_store_faults_are_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ExistingStoreArgs.model_validate({**STORE, **change})


@pytest.mark.parametrize(
    ("change", "told"),
    [({"host": "pg:5432"}, "pattern"), ({"port": 70000}, "65535"), ({"name": "Ml-Flow"}, "pattern"), ({"password": "x"}, "Extra inputs")],
)
def test_database_faults_are_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ExistingDatabaseArgs.model_validate({**DATABASE, **change})


@pytest.mark.parametrize(
    ("cluster", "told"),
    [
        ({"kubeconfig": "{apiVersion: v1}", "context": "c"}, "pattern"),
        ({"kubeconfig": "~/.kube/config"}, "Field required"),
        ({"kubeconfig": "k", "context": "c", "pools": {"a": {**POOL, "labels": {}}}}, "at least 1 item"),
        ({"kubeconfig": "k", "context": "c", "pools": {"a": {**POOL, "taints": [{"key": "k", "effect": "Never"}]}}}, "'NoSchedule'"),
    ],
)
def test_cluster_faults_are_told(cluster: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ExistingClusterArgs.model_validate(cluster)


@pytest.mark.parametrize(("endpoint", "port"), [("https://s3.x", 443), ("http://s3.x", 80), ("https://s3.x:9000", 9000)])
def test_pods_are_let_out_to_the_port_of_the_endpoint(endpoint: str, port: int) -> None:
    store = ExistingStoreArgs.model_validate({**STORE, "endpoint": endpoint})
    assert store.egress == (("10.64.8.0/28", port), ("10.65.8.0/28", port))


def test_a_pool_is_known_by_its_labels() -> None:
    args = ExistingClusterArgs.model_validate({"kubeconfig": "k", "context": "c", "pools": {"l40s": POOL}})
    pool = accelerator_pool("l40s", args.pools["l40s"])
    assert (pool.accelerator, pool.resource, pool.memory_mib, pool.max_nodes) == ("NVIDIA-L40S", "nvidia.com/gpu", 46080, 6)
    assert pool.capacity == ("owned",)


def recorded(*, bind: Any = None) -> Graph:
    def program() -> None:
        args = ExistingClusterArgs.model_validate({"kubeconfig": "~/.kube/fra1.yaml", "context": "fra1-ml", "pools": {"l40s": POOL}})
        cluster = ExistingCluster("cluster", args, site="fra1", storage=(), databases=(), context=CONTEXT)
        if bind is not None:
            owner = pulumi.ComponentResource("groundwork:test:Owner", "owner", {}, pulumi.ResourceOptions(providers=[cluster.kubernetes]))
            bind(cluster, owner)

    return record(program, project="groundwork", stack="fra1", config={})


def test_the_cluster_is_reached_by_reference_and_nothing_is_made_in_it() -> None:
    (provider,) = [r for r in recorded() if r.is_provider]
    assert provider.inputs["kubeconfig"] == "~/.kube/fra1.yaml"
    assert provider.inputs["context"] == "fra1-ml"
    assert provider.inputs["clusterIdentifier"] == "fra1/fra1-ml"
    assert not recorded().custom


def test_an_identity_is_the_credentials_of_one_bucket() -> None:
    store = ExistingStoreArgs.model_validate(STORE)
    bucket = ExistingBucket(store, store.models)
    bindings = []

    def bind(cluster: ExistingCluster, owner: pulumi.Resource) -> None:
        bindings.append(cluster.bind_identity("chat", "ns", "chat", [Grant(bucket, "read", "models/")], owner))

    (made,) = recorded(bind=bind).custom
    assert made.type == "kubernetes:external-secrets.io/v1:ExternalSecret"
    assert made.inputs["spec"]["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "vault"}
    assert [row["remoteRef"]["property"] for row in made.inputs["spec"]["data"]] == ["username", "password"]
    assert set(bindings[0].environment) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_two_buckets_are_too_many_for_one_identity() -> None:
    store = ExistingStoreArgs.model_validate(STORE)
    grants = [Grant(ExistingBucket(store, store.models), "read"), Grant(ExistingBucket(store, store.artifacts), "write")]
    refused = []

    def bind(cluster: ExistingCluster, owner: pulumi.Resource) -> None:
        with pytest.raises(ValueError, match="exactly one given bucket"):
            cluster.bind_identity("chat", "ns", "chat", grants, owner)
        refused.append(True)

    recorded(bind=bind)
    assert refused
