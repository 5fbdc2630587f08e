"""Objects of custom kinds wait for the operator that serves and admits them, and each kind has one owner in a cluster."""

from collections import Counter

import pytest

from components.kubernetes.addons.table import table
from graph.model import Graph, Resource
from tests.assertions.graphs import STACKS, graph

RELEASE = "kubernetes:helm.sh/v3:Release"
OWNERS = {
    "argoproj.io": "argo-rollouts",
    "cert-manager.io": "cert-manager",
    "external-secrets.io": "external-secrets",
    "gateway.envoyproxy.io": "gateway-helm",
    "gateway.networking.k8s.io": "gateway-helm",
    "karpenter.k8s.aws": "karpenter-crd",
    "karpenter.sh": "karpenter-crd",
    "keda.sh": "keda",
    "leaderworkerset.x-k8s.io": "lws",
    "monitoring.coreos.com": "kube-prometheus-stack",
}
"""Group of custom kinds to the chart that brings their definitions and, where there is one, the webhook that admits them."""
OF_THE_CLOUD = {"eks.amazonaws.com"}
"""Groups that a cluster in Auto Mode has by itself, those of Karpenter among them."""


def custom(of: Graph) -> list[tuple[str, Resource]]:
    """Every object of a custom kind, with its group."""
    found = [
        (r.inputs["apiVersion"].partition("/")[0], r) for r in of.custom if r.type.startswith("kubernetes:") and "apiVersion" in r.inputs
    ]
    return [(group, resource) for group, resource in found if group in OWNERS or ("." in group and not group.endswith(".k8s.io"))]


def before(of: Graph, resource: Resource) -> set[str]:
    """Everything that is made before a resource."""
    seen: set[str] = set()
    todo = [*resource.dependencies]
    while todo:
        urn = todo.pop()
        if urn in of.by_urn and urn not in seen:
            seen.add(urn)
            todo += of.by_urn[urn].dependencies
    return seen


@pytest.mark.parametrize("stack", STACKS)
def test_objects_wait_for_the_operator_that_admits_them(stack: str) -> None:
    made = graph(stack)
    releases = {(r.inputs["name"], r.provider): r.urn for r in made.of_type(RELEASE)}
    looked_at = 0
    for group, resource in custom(made):
        assert group in OWNERS or group in OF_THE_CLOUD, f"{resource.name} is of {group}, whose owner nobody told"
        release = releases.get((OWNERS.get(group, ""), resource.provider))
        looked_at += 1
        assert release is None or release in before(made, resource), f"{resource.name} may be made before {OWNERS[group]}"
    assert looked_at


@pytest.mark.parametrize("stack", STACKS)
def test_each_chart_is_released_once_in_a_cluster(stack: str) -> None:
    counted = Counter((r.inputs["name"], r.provider) for r in graph(stack).of_type(RELEASE))
    assert [key for key, count in counted.items() if count > 1] == []


def test_owners_are_charts_of_the_table() -> None:
    assert set(OWNERS.values()) <= {chart.name for chart in table().values()}


def test_definitions_outlive_their_release() -> None:
    rows = table()
    assert rows["cert-manager"].values["crds"]["keep"] is True
    assert rows["argo-rollouts"].values["keepCRDs"] is True
    assert rows["karpenter-crd"].values["additionalAnnotations"]["helm.sh/resource-policy"] == "keep"
