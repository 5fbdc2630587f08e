"""The stand-in for Kubernetes over gRPC, without the engine."""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from rehearsal import wire

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
JOB = "kubernetes:batch/v1:Job"
CUSTOM = "kubernetes:keda.sh/v1alpha1:ScaledObject"
RELEASE = "kubernetes:helm.sh/v3:Release"


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config_map(name: str, within: str = "default", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": within}, "data": data}


def deployment(name: str = "web", app: str = "web", replicas: int = 1) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        },
    }


def test_an_object_lives_through_create_read_update_delete(clouds: Any) -> None:
    cluster = clouds.kubernetes()
    inputs = deployment()
    id, outputs = cluster.create(DEPLOYMENT, "web", inputs)
    assert id == "default/web"
    assert outputs["metadata"]["uid"]
    assert cluster.read(DEPLOYMENT, "web", id, outputs) == (id, outputs, inputs)
    changed = cluster.update(DEPLOYMENT, "web", id, inputs, deployment(replicas=3))
    assert changed["spec"]["replicas"] == 3
    assert changed["metadata"]["uid"] == outputs["metadata"]["uid"]
    cluster.delete(DEPLOYMENT, "web", id, changed)
    assert cluster.read(DEPLOYMENT, "web", id, outputs)[0] == ""
    assert clouds.store.empty


def test_wrong_properties_of_built_in_kinds_are_told_with_their_path(clouds: Any) -> None:
    wrong = deployment()
    wrong["spec"]["replicaCount"] = 2
    wrong["spec"]["template"]["spec"]["containers"][0]["port"] = 1
    paths = [path for path, _ in clouds.kubernetes().check(DEPLOYMENT, "web", wrong)]
    assert sorted(paths) == ["spec.replicaCount", "spec.template.spec.containers[0].port"]
    assert clouds.kubernetes().check(DEPLOYMENT, "web", deployment()) == []


def test_a_namespace_must_exist(clouds: Any, refused: type[Exception]) -> None:
    cluster = clouds.kubernetes()
    with pytest.raises(refused, match='namespaces "serving" not found'):
        cluster.create(CONFIG_MAP, "settings", config_map("settings", "serving"))
    cluster.create(NAMESPACE, "serving", namespace("serving"))
    cluster.create(CONFIG_MAP, "settings", config_map("settings", "serving"))


def test_a_namespace_may_exist_without_being_made(start_clouds: Any) -> None:
    clouds = start_clouds(existing={"namespaces": {"lab-*": ["monitoring"]}})
    clouds.kubernetes("lab-1").create(CONFIG_MAP, "settings", config_map("settings", "monitoring"))


def test_a_namespace_takes_what_is_in_it(clouds: Any) -> None:
    cluster = clouds.kubernetes()
    id, state = cluster.create(NAMESPACE, "serving", namespace("serving"))
    cluster.create(CONFIG_MAP, "settings", config_map("settings", "serving"))
    cluster.delete(NAMESPACE, "serving", id, state)
    assert clouds.store.empty


def test_clusters_are_told_apart_by_connection(clouds: Any) -> None:
    one, two = clouds.kubernetes("one"), clouds.kubernetes("two")
    id, state = one.create(CONFIG_MAP, "settings", config_map("settings", size="1"))
    assert two.read(CONFIG_MAP, "settings", id, state)[0] == ""
    two.create(CONFIG_MAP, "others", config_map("settings", size="2"))
    assert one.read(CONFIG_MAP, "settings", id, state)[1]["data"] == {"size": "1"}
    assert {found.scope.cluster for found in clouds.store.objects()} == {"one", "two"}


def test_a_cluster_is_known_by_the_server_of_its_kubeconfig(clouds: Any, refused: type[Exception]) -> None:
    kubeconfig = """{current-context: b, contexts: [{name: a, context: {cluster: x}}, {name: b, context: {cluster: y}}],
        clusters: [{name: x, cluster: {server: https://x}}, {name: y, cluster: {server: https://y}}]}"""
    connection = clouds.connect("kubernetes", {"kubeconfig": kubeconfig})
    connection.create(CONFIG_MAP, "settings", config_map("settings"))
    assert [found.scope.cluster for found in clouds.store.objects()] == ["https://y"]
    with pytest.raises(refused, match="neither clusterIdentifier nor kubeconfig"):
        clouds.connect("kubernetes", {"kubeconfig": "{}"})


def test_what_exists_is_not_created_again_nor_taken_over(clouds: Any, refused: type[Exception]) -> None:
    cluster = clouds.kubernetes()
    id, state = cluster.create(CONFIG_MAP, "first", config_map("settings", size="1"))
    for other in ("first", "second"):  # a create whose answer was lost, and a resource under another name
        with pytest.raises(refused, match=r'not successfully created(.|\n)*ConfigMap "settings" already exists'):
            cluster.create(CONFIG_MAP, other, config_map("settings", size="1"))
    assert cluster.read(CONFIG_MAP, "first", id, state)[1]["data"] == {"size": "1"}
    clouds.kubernetes("other").create(CONFIG_MAP, "second", config_map("settings", size="1"))
    cluster.delete(CONFIG_MAP, "first", id, state)
    cluster.create(CONFIG_MAP, "second", config_map("settings", size="1"))


def test_the_second_generation_has_an_identity_of_its_own(clouds: Any) -> None:
    cluster = clouds.kubernetes()
    id, first = cluster.create(CONFIG_MAP, "settings", config_map("settings"))
    cluster.delete(CONFIG_MAP, "settings", id, first)
    _, second = cluster.create(CONFIG_MAP, "settings", config_map("settings"))
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


# Expectations: pulumi-kubernetes provider/pkg/provider/diff.go and provider.go at 94977969.
@pytest.mark.parametrize(
    ("token", "old", "new", "replaces", "first"),
    [
        (DEPLOYMENT, deployment(), deployment(replicas=2), [], False),
        (DEPLOYMENT, deployment(), deployment(app="api"), ["spec"], True),
        (DEPLOYMENT, deployment(), deployment(name="api"), ["metadata"], False),
        (CONFIG_MAP, config_map("a", size="1"), config_map("a", size="2"), ["data"], True),
        (CONFIG_MAP, config_map("a", "one"), config_map("a", "two"), ["metadata"], False),
        (NAMESPACE, namespace("a"), namespace("b"), ["metadata"], False),
    ],
)
def test_what_replaces_and_in_which_order(
    clouds: Any, token: str, old: dict[str, Any], new: dict[str, Any], replaces: list[str], first: bool
) -> None:
    reply = clouds.kubernetes().diff(token, "x", "default/x", old, new)
    assert list(reply.replaces) == replaces
    assert reply.deleteBeforeReplace is first
    assert reply.changes == reply.DIFF_SOME


def test_a_mutable_config_map_changes_in_place(clouds: Any) -> None:
    cluster = clouds.kubernetes(enableConfigMapMutable="true")
    reply = cluster.diff(CONFIG_MAP, "a", "default/a", config_map("a", size="1"), config_map("a", size="2"))
    assert list(reply.replaces) == []
    frozen = {**config_map("a", size="2"), "immutable": True}
    assert list(cluster.diff(CONFIG_MAP, "a", "default/a", config_map("a", size="1"), frozen).replaces) == ["data"]


def test_equal_inputs_are_no_change(clouds: Any) -> None:
    reply = clouds.kubernetes().diff(DEPLOYMENT, "web", "default/web", deployment(), deployment())
    assert reply.changes == reply.DIFF_NONE


def test_custom_resources_are_kept_unchecked_but_need_their_kind(clouds: Any) -> None:
    cluster = clouds.kubernetes()
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "s", "namespace": "default"},
        "spec": {"any": [1]},
    }
    assert cluster.check(CUSTOM, "s", scaled) == []
    assert cluster.create(CUSTOM, "s", scaled)[0] == "default/s"
    assert [path for path, _ in cluster.check(CUSTOM, "s", {"metadata": {"name": "s"}})] == ["apiVersion", "kind"]


def test_a_release_is_one_object_and_needs_a_chart(clouds: Any) -> None:
    cluster = clouds.kubernetes()
    release = {"chart": "keda", "name": "keda", "namespace": "keda", "createNamespace": True}
    assert [path for path, _ in cluster.check(RELEASE, "keda", {"name": "keda"})] == ["chart"]
    with pytest.raises(Exception, match="not found"):
        cluster.create(RELEASE, "other", {**release, "namespace": "elsewhere", "createNamespace": False})
    id, _ = cluster.create(RELEASE, "keda", release)
    assert id == "keda/keda"
    cluster.create(CONFIG_MAP, "settings", config_map("settings", "keda"))
    cluster.delete(RELEASE, "keda", id, release)
    assert [(kept.id, kept.reason) for kept in clouds.store.retained()] == [("keda", "made by a Helm release, which does not delete it")]


def test_a_nameless_object_is_named_by_the_provider(clouds: Any) -> None:
    cluster = clouds.kubernetes()
    nameless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "data": {}}
    request = provider_pb2.CheckRequest(
        urn=cluster.urn(CONFIG_MAP, "settings"), type=CONFIG_MAP, news=wire.encode(nameless), randomSeed=b"\x12\x34\x56\x78\x9a"
    )
    inputs = wire.decode(cluster.call("Check", request).inputs)
    assert inputs["metadata"] == {"name": "settings-12345678", "annotations": {"pulumi.com/autonamed": "true"}}


def test_a_provider_that_names_another_cluster_replaces_what_it_manages(clouds: Any) -> None:
    cluster = clouds.kubernetes()

    def replaces(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        request = provider_pb2.DiffRequest(olds=wire.encode(old), old_inputs=wire.encode(old), news=wire.encode(new))
        return list(cluster.call("DiffConfig", request).replaces)

    assert replaces({"clusterIdentifier": "a"}, {"clusterIdentifier": "b"}) == ["clusterIdentifier"]
    assert replaces({"clusterIdentifier": "a", "kubeconfig": "x"}, {"clusterIdentifier": "a", "kubeconfig": "y"}) == []
    assert replaces({"kubeconfig": "x"}, {"kubeconfig": "y"}) == ["kubeconfig"]
    assert replaces({"clusterIdentifier": "a"}, {"clusterIdentifier": "a", "namespace": "n"}) == []
