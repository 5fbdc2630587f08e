"""Manifests: one file per object, safe to show, the same bytes every time."""

from pathlib import Path
from typing import Any

import yaml

from graph.exporters.kubernetes import export_manifests
from graph.model import UNKNOWN, Graph, Resource, SecretValue

CLUSTER = "urn:pulumi:dev::groundwork::pulumi:providers:kubernetes::gpu"


def _object(token: str, name: str, provider: str = CLUSTER, **inputs: Any) -> Resource:
    return Resource(f"urn:pulumi:dev::groundwork::{token}::{name}", token, name, True, "", inputs, provider=provider)


def _graph(*resources: Resource) -> Graph:
    return Graph("groundwork", "dev", resources)


DEPLOYMENT = _object(
    "kubernetes:apps/v1:Deployment",
    "chat-deployment",
    apiVersion="apps/v1",
    kind="Deployment",
    metadata={"name": "chat", "namespace": "serving"},
    spec={"replicas": 2, "template": {"spec": {"containers": [{"name": "engine", "env": [{"name": "AT", "value": UNKNOWN}]}]}}},
)
SECRET = _object(
    "kubernetes:core/v1:Secret",
    "token",
    apiVersion="v1",
    kind="Secret",
    metadata={"name": "token", "namespace": "serving"},
    data={"a": "aHVudGVyMg=="},
    stringData=SecretValue({"b": "hunter2"}),
)
ROLLOUT = _object(
    "kubernetes:argoproj.io/v1alpha1:Rollout", "r", apiVersion="argoproj.io/v1alpha1", kind="Rollout", metadata={"name": "r"}, spec={"x": 1}
)
RELEASE = _object("kubernetes:helm.sh/v3:Release", "keda", chart="keda", values={"key": SecretValue("hunter2")})


def test_each_object_has_a_file_that_is_named_after_it(tmp_path: Path) -> None:
    paths = export_manifests(_graph(DEPLOYMENT, SECRET, ROLLOUT, RELEASE), tmp_path)
    assert [p.name for p in paths] == ["deployment.serving.chat.yaml", "rollout.r.yaml", "secret.serving.token.yaml"]
    assert yaml.safe_load(paths[1].read_text()) == dict(ROLLOUT.inputs)


def test_secrets_and_unknowns_are_markers_of_the_same_type(tmp_path: Path) -> None:
    export_manifests(_graph(DEPLOYMENT, SECRET, RELEASE), tmp_path)
    text = "".join(path.read_text() for path in tmp_path.rglob("*.yaml"))
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text
    secret = yaml.safe_load((tmp_path / "secret.serving.token.yaml").read_text())
    assert secret["stringData"] == {"b": "(secret)"}
    assert secret["data"] == {"a": "KHNlY3JldCk="}
    deployment = yaml.safe_load((tmp_path / "deployment.serving.chat.yaml").read_text())
    assert deployment["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "(known after apply)"


def test_releases_are_listed_apart(tmp_path: Path) -> None:
    assert export_manifests(_graph(RELEASE), tmp_path) == []
    [listed] = yaml.safe_load((tmp_path / "helm" / "releases.yaml").read_text())
    assert (listed["chart"], listed["cluster"], listed["values"]) == ("keda", "gpu", {"key": "(secret)"})


def test_the_bytes_do_not_depend_on_the_order_of_registration(tmp_path: Path) -> None:
    for folder, graph in {"a": _graph(DEPLOYMENT, SECRET), "b": _graph(SECRET, DEPLOYMENT)}.items():
        export_manifests(graph, tmp_path / folder)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / folder).iterdir()} for folder in "ab")
    assert first == second


def test_a_second_export_takes_away_what_is_gone_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("kept: true\n")
    export_manifests(_graph(DEPLOYMENT, RELEASE), tmp_path)
    export_manifests(_graph(ROLLOUT), tmp_path)
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.yaml")} == {"mine.yaml", "rollout.r.yaml"}


def test_objects_of_two_clusters_do_not_meet(tmp_path: Path) -> None:
    other = "urn:pulumi:dev::groundwork::pulumi:providers:kubernetes::standby"
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "serving"}}
    one = _object("kubernetes:core/v1:Namespace", "one", **namespace)
    two = _object("kubernetes:core/v1:Namespace", "two", provider=other, **namespace)
    found = [str(p.relative_to(tmp_path)) for p in export_manifests(_graph(one, two), tmp_path)]
    assert found == ["gpu/namespace.serving.yaml", "standby/namespace.serving.yaml"]


def test_equal_names_in_one_cluster_are_told_apart_whatever_comes_first(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "serving"}}
    twins = [_object("kubernetes:core/v1:Namespace", name, **namespace) for name in ("one", "two")]
    found = export_manifests(_graph(*twins), tmp_path / "a")
    again = export_manifests(_graph(*reversed(twins)), tmp_path / "b")
    assert len(found) == 2
    assert [p.name for p in found] == [p.name for p in again]


def test_text_that_looks_like_another_type_stays_text(tmp_path: Path) -> None:
    data = {"exponent": "1e3", "octal": "0o17", "leading": "010", "switch": "on", "null": "~", "lines": "a\nb\n", "word": "plain"}
    config = _object("kubernetes:core/v1:ConfigMap", "c", apiVersion="v1", kind="ConfigMap", metadata={"name": "c"}, data=data)
    [path] = export_manifests(_graph(config), tmp_path)
    assert yaml.safe_load(path.read_text())["data"] == data
    assert '"1e3"' in path.read_text()
    assert "lines: |" in path.read_text()
