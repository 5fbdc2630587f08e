"""Zones and priorities, over every stack: what mounts a zonal volume, or hangs together, finds its node."""

import pytest

from components.kubernetes.addons.table import table
from graph.model import Graph, Resource
from policies.model import get
from policies.nodes import LEADER_WORKERS, pool_of
from tests.assertions.graphs import STACKS, graph, on_aws

GROUP, RELEASE = "aws:eks/nodeGroup:NodeGroup", "kubernetes:helm.sh/v3:Release"
CRITICAL = "system-cluster-critical"
CLASS, PROXY = "kubernetes:scheduling.k8s.io/v1:PriorityClass", "EnvoyProxy"
HANG = frozenset(
    {
        "argo-rollouts",
        "cert-manager",
        "cluster-autoscaler",
        "envoy-gateway",
        "external-secrets",
        "karpenter",
        "keda",
        "kube-prometheus-stack",
    }
)
"""Charts that scale, gate, watch or expose workloads."""


def zones(group: Resource) -> int:
    return len(group.inputs["subnetIds"])


@pytest.mark.parametrize("stack", on_aws())
def test_system_groups_span_no_zones_and_cover_all_of_them(stack: str) -> None:
    made = graph(stack)
    by_cluster: dict[str, list[Resource]] = {}
    for group in made.of_type(GROUP):
        if pool_of(group) == "system":
            by_cluster.setdefault(group.parent, []).append(group)
    for groups in by_cluster.values():
        assert [zones(group) for group in groups] == [1] * len(groups)
        subnets = {str(group.inputs["subnetIds"][0]) for group in groups}
        assert len(subnets) == len(groups)
        label = "k8s.io/cluster-autoscaler/node-template/label/topology.ebs.csi.aws.com/zone"
        assert {group.name.rpartition("system-")[2] for group in groups} == {group.inputs["tags"][label] for group in groups}
        scalers = [r for r in made.of_type(RELEASE) if r.inputs["name"] == "cluster-autoscaler"]
        for scaler in scalers:
            assert get(scaler, "values.extraArgs.balance-similar-node-groups") is True


def test_groups_by_zone_share_what_the_pool_says() -> None:
    groups = [g for g in graph("prod").of_type(GROUP) if pool_of(g) == "system" and "recovery" not in g.urn]
    sizes = [(g.inputs["scalingConfig"]["minSize"], g.inputs["scalingConfig"]["maxSize"]) for g in groups]
    assert sizes == [(1, 2), (1, 2), (1, 2)]


def priorities(of: Graph) -> set[str]:
    return {get(r, "metadata.name") for r in of.of_type(CLASS) if r.inputs["value"] > 0}


@pytest.mark.parametrize("stack", STACKS)
def test_what_workloads_hang_on_goes_before_them(stack: str) -> None:
    made = graph(stack)
    own = priorities(made)
    for release in made.of_type(RELEASE):
        row = next(c for c in table().values() if c.name == release.inputs["name"])
        wanted = {CRITICAL} if row.namespace == "kube-system" else own
        for pods in row.footprint:
            if "priority" in pods:
                assert {get(release, f"values.{pods['priority']}")} == wanted, (release.name, pods)
    for proxy in (r for r in made.custom if r.inputs.get("kind") == PROXY):
        pod = get(proxy, "spec.provider.kubernetes.envoyDeployment.pod")
        assert {pod["priorityClassName"]} == own


def test_every_chart_says_how_its_pods_are_ranked() -> None:
    for name, chart in table().items():
        for row in chart.footprint:
            alone = "nodes" not in row
            assert not alone or ("priority" in row) != ("unranked" in row), (name, row)
            assert name not in HANG or not alone or "priority" in row, (name, row)


@pytest.mark.parametrize("stack", STACKS)
def test_replicas_of_several_nodes_stay_in_a_zone(stack: str) -> None:
    made = graph(stack)
    for workload in made.of_type(LEADER_WORKERS):
        spec = get(workload, "spec.leaderWorkerTemplate.workerTemplate.spec")
        fabric = "vpc.amazonaws.com/efa" in str(spec["containers"])
        groups = [g for g in made.of_type(GROUP) if pool_of(g) == spec["nodeSelector"].get("groundwork.dev/pool")]
        assert fabric or all(zones(group) == 1 for group in groups)
        assert fabric or "affinity" in spec or stack.startswith("onprem")
