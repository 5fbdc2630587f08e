"""Rehearsals with a real API server behind the cluster: what it keeps, what it refuses, and what it says of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.answers import CloudError
from rehearsal.cloud import Instance
from rehearsal.control_plane.client import Client
from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.server import ApiServer
from rehearsal.real_kubernetes import RealKubernetes
from rehearsal.stage import Stage, stand_in_clouds
from rehearsal.store import Store

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
CLUSTER = {"clusterIdentifier": "arn:aws:eks:us-west-2:111122223333:cluster/one"}
TOKEN = "kubernetes:core/v1:ConfigMap"


@pytest.fixture
def cloud(server: ApiServer, tmp_path: Path) -> Iterator[RealKubernetes]:
    assert server, "provisioned, or the tier has given up"
    made = RealKubernetes(None, tmp_path / "clusters")
    yield made
    made.close()


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "default"}, "data": data}


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
    held = config_map(a="1")
    held["metadata"]["finalizers"] = ["example.com/stay"]
    with Store(tmp_path / "store.sqlite") as store:
        admit(cloud, instance, store, held)
        with pytest.raises(CloudError, match=r"ConfigMap settings is still there.*example\.com/stay"):
            cloud._delete(client_of(cloud, instance), held)


def test_values_of_secrets_are_kept_nowhere_in_clear(cloud: RealKubernetes, tmp_path: Path) -> None:
    instance = cloud.configure(CLUSTER)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}, "stringData": {"k": "canary-1234"}}
    with Store(tmp_path / "store.sqlite") as store:
        admit(cloud, instance, store, secret, "kubernetes:core/v1:Secret")
    cloud.close()
    files = [path for path in (tmp_path / "clusters").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"canary-1234" in path.read_bytes()]


def test_a_stack_comes_up_stays_and_goes_on_a_real_api_server(server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with Stage(ROOT, "onprem", clouds=lambda store, faults: stand_in_clouds(store, faults, real_clusters=True)) as stage:
        stage.pulumi("up", "--yes", "--skip-preview", check=True)
        refreshed = stage.pulumi("refresh", "--yes", "--expect-no-changes")
        assert refreshed.code == 0, refreshed.stdout
        again = stage.pulumi("preview", "--expect-no-changes")
        assert again.code == 0, again.stdout
        stage.pulumi("destroy", "--yes", "--skip-preview", check=True)
        (kept,) = (stage.root / "clusters").iterdir()
    with api_server(kept) as after:
        namespaces = {row["metadata"]["name"] for row in after.client.items("v1", "Namespace")}
        assert namespaces == {"default", "kube-system", "kube-public", "kube-node-lease"}
        assert after.client.items("apps/v1", "Deployment") == []
        assert after.client.items("keda.sh/v1alpha1", "ScaledObject") == []
