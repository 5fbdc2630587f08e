"""Charts that can be rendered here are: their objects are taken by a real API server, and every value that we set is heard."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.addons.charts import Chart, MirrorArgs, values_of
from components.kubernetes.addons.footprint import Pods, mebibytes, millicores, pods_of
from components.kubernetes.addons.table import table
from rehearsal.charts import NotRendered, render, unheard
from rehearsal.control_plane.client import Client
from tests.evaluated import evaluate

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
STACKS = [*sorted(ROOT.glob("Pulumi.*.yaml")), *sorted((ROOT / "examples").glob("Pulumi.*.yaml"))]
CHARTS = {name: chart for name, chart in table().items() if chart.rendered}
RELEASE = "kubernetes:helm.sh/v3:Release"
NEEDED: Mapping[str, Mapping[str, Any]] = {"karpenter": {"settings": {"clusterName": "one"}}}
"""What a chart refuses to be rendered without, and only a stack can say."""
MIRROR = MirrorArgs(registry="registry.example.com/mirror")


@cache
def told() -> Mapping[str, list[Mapping[str, Any]]]:
    """What each chart is told: by its row, by its row behind a mirror, and by every stack that releases it."""
    said: dict[str, list[Mapping[str, Any]]] = {
        name: [values_of(chart, NEEDED.get(name, {}), mirror) for mirror in (None, MIRROR)] for name, chart in CHARTS.items()
    }
    names = {chart.name: name for name, chart in CHARTS.items()}
    for path in STACKS:
        for release in evaluate(path).graph.of_type(RELEASE):
            if release.inputs["name"] in names:
                said[names[release.inputs["name"]]].append(release.inputs["values"])
    return said


def rendered(chart: Chart, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return render(chart, values, lambda text: None)


def test_there_are_some_and_stacks_use_them() -> None:
    assert {"cert-manager", "envoy-gateway", "karpenter", "karpenter-crd"} <= CHARTS.keys()
    assert len(told()["karpenter"]) > 2


@pytest.mark.parametrize("name", CHARTS)
def test_every_value_is_heard(name: str) -> None:
    for values in told()[name]:
        assert unheard(CHARTS[name], values) == []
    first = next(iter(CHARTS[name].values))
    assert unheard(CHARTS[name], {**CHARTS[name].values, f"{first}s": True}) == [f"{first}s"]


@pytest.mark.parametrize("name", CHARTS)
def test_what_a_chart_makes_is_accepted(api: Client, name: str) -> None:
    chart = CHARTS[name]
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": chart.namespace}}, force=True)
    for values in told()[name]:
        made = rendered(chart, values)
        assert made
        for body in made:
            namespace = {} if "namespace" in body["metadata"] else {"namespace": chart.namespace}
            placed = (
                {**body, "metadata": {**body["metadata"], **namespace}} if api.kind(body["apiVersion"], body["kind"]).namespaced else body
            )
            api.apply(placed, manager="helm", force=True, dry_run=True)


def requested(body: Mapping[str, Any]) -> tuple[int, int, int]:
    """Replicas, millicores and MiB of a deployment's pods."""
    sizes = [container["resources"]["requests"] for container in body["spec"]["template"]["spec"]["containers"]]
    return body["spec"]["replicas"], sum(millicores(s["cpu"]) for s in sizes), sum(mebibytes(s["memory"]) for s in sizes)


def stated(pods: Pods) -> tuple[int, int, int]:
    return pods.replicas, pods.cpu, pods.memory


@pytest.mark.parametrize("name", CHARTS)
def test_the_footprint_of_a_row_is_what_is_rendered(name: str) -> None:
    chart = CHARTS[name]
    made = rendered(chart, values_of(chart, NEEDED.get(name, {}), None))
    assert not [body for body in made if body["kind"] in ("DaemonSet", "StatefulSet")]
    deployments = [requested(body) for body in made if body["kind"] == "Deployment"]
    assert sorted(deployments) == sorted(map(stated, pods_of(name, chart.footprint, chart.values)))


def test_a_value_that_a_chart_refuses_is_told() -> None:
    chart = CHARTS["cert-manager"]
    with pytest.raises(NotRendered, match=r"additional properties 'replicaCounts' not allowed"):
        rendered(chart, {**chart.values, "replicaCounts": 2})
