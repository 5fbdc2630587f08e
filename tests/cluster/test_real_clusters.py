"""Rehearsals with a real API server behind the cluster: what it keeps, what it refuses, and what it says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.answers import CloudError
from rehearsal.cloud import Instance
from rehearsal.control_plane.client import Client
from rehearsal.control_plane.server import ApiServer
from rehearsal.real_kubernetes import RealKubernetes
from rehearsal.store import Store

pytestmark = pytest.mark.cluster

CLUSTER = {"clusterIdentifier": "arn:aws:eks:us-west-2:111122223333:cluster/one"}
TOKEN = "kubernetes:core/v1:ConfigMap"


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clusters")


@pytest.fixture(scope="module")
def cloud(server: ApiServer, clusters: Path) -> Iterator[RealKubernetes]:
    assert server, "provisioned, or the tier has given up"
    made = RealKubernetes(None, clusters)
    yield made
    made.close()


def config_map(name: str = "settings", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def admit(cloud: RealKubernetes, instance: Instance, store: Store, inputs: dict[str, Any], token: str = TOKEN) -> None:
    with store.transaction() as txn:
        cloud.admit(txn, instance, token, "urn:one", inputs)


def client_of(cloud: RealKubernetes, instance: Instance) -> Client:
    return cloud._client(instance.scope)


def test_refusals_name_fields_and_managers(cloud: RealKubernetes, tmp_path: Path) -> None:
    instance = cloud.configure(CLUSTER)
    with Store(tmp_path / "store.sqlite") as store:
        cloud.foresee(instance, TOKEN, {**config_map(), "typo": 1})  # no cluster yet, so nothing can judge
        admit(cloud, instance, store, config_map(a="1"))
        assert client_of(cloud, instance).read(config_map())["data"] == {"a": "1"}  # type: ignore[index]
        with pytest.raises(CloudError, match="typo"):
            admit(cloud, instance, store, {**config_map(a="2"), "typo": 1})
        with pytest.raises(CloudError, match="typo"):
            cloud.foresee(instance, TOKEN, {**config_map(a="2"), "typo": 1})
        client_of(cloud, instance).apply(config_map(a="3"), manager="someone-else", force=True)
        with pytest.raises(CloudError, match=r'(?s)conflict with "someone-else".*\.data\.a'):
            admit(cloud, instance, store, config_map(a="4"))
        strange = {"apiVersion": "keda.sh/v9", "kind": "Nothing", "metadata": {"name": "x", "namespace": "default"}}
        with pytest.raises(CloudError, match=r"keda\.sh/v9 Nothing is not served"):
            admit(cloud, instance, store, strange, "kubernetes:keda.sh/v9:Nothing")


def test_what_a_finalizer_holds_is_told(cloud: RealKubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.real_kubernetes.DELETION_LIMIT", 1)
    instance = cloud.configure(CLUSTER)
    held = config_map("held", a="1")
    held["metadata"]["finalizers"] = ["example.com/stay"]
    with Store(tmp_path / "store.sqlite") as store:
        admit(cloud, instance, store, held)
        with pytest.raises(CloudError, match=r"ConfigMap held is still there.*example\.com/stay"):
            cloud._delete(client_of(cloud, instance), held)


def test_values_of_secrets_are_kept_nowhere_in_clear_and_all_else_outlives_the_server(
    cloud: RealKubernetes, clusters: Path, tmp_path: Path
) -> None:
    instance = cloud.configure(CLUSTER)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "stringData": {"k": "canary-1234"}}
    with Store(tmp_path / "store.sqlite") as store:
        admit(cloud, instance, store, secret, "kubernetes:core/v1:Secret")
        admit(cloud, instance, store, config_map("kept", a="1"))
    cloud.close()
    files = [path for path in clusters.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"canary-1234" in path.read_bytes()]
    assert client_of(cloud, instance).read(config_map("kept"))["data"] == {"a": "1"}  # type: ignore[index]


def test_a_refresh_sees_what_others_did_and_not_how_the_server_spells_it(cloud: RealKubernetes, tmp_path: Path) -> None:
    instance = cloud.configure(CLUSTER)
    hard = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q", "namespace": "default"},
        "spec": {"hard": {"cpu": 2, "pods": "0.5k"}},
    }
    token = "kubernetes:core/v1:ResourceQuota"
    with Store(tmp_path / "store.sqlite") as store:
        admit(cloud, instance, store, hard, token)
    assert cloud.seen(instance, token, hard) == hard
    client_of(cloud, instance).apply({**hard, "spec": {"hard": {"cpu": "3"}}}, manager="someone-else", force=True)
    assert cloud.seen(instance, token, hard) == {**hard, "spec": {"hard": {"cpu": "3", "pods": "0.5k"}}}
    client_of(cloud, instance).delete(hard)
    assert cloud.seen(instance, token, hard) is None
