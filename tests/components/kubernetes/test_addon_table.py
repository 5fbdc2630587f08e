"""The one table of add-ons: every row says where it was read, what it takes from nodes, and agrees with what else is known of it."""

from typing import get_args

import pytest

from components.aws.account.threats import AGENT
from components.aws.capacity.gpu_operator import NAME as GPU_OPERATOR
from components.aws.capacity.node_plan import FABRIC_LABEL
from components.aws.capacity.plugins import EFA
from components.aws.capacity.pool_values import POOL_LABEL
from components.aws.cluster import autoscaler, karpenter
from components.aws.cluster.addons import ADDONS
from components.aws.cluster.args import CONTROLLERS
from components.aws.cluster.versions import matrix
from components.kubernetes.addons.footprint import Pods, managed, mebibytes, millicores, on_node, pods_of
from components.kubernetes.addons.operators import OperatorName
from components.kubernetes.addons.table import document, table
from rehearsal.control_plane.crds import table as definitions

KINDS_ONLY = {karpenter.KINDS}
"""Charts that make no pods."""


@pytest.mark.parametrize("name", table())
def test_every_row_says_what_it_takes(name: str) -> None:
    chart = table()[name]
    pods = pods_of(name, chart.footprint, chart.values)
    assert bool(pods) != (name in KINDS_ONLY)
    for each in pods:
        assert (each.replicas > 0) != (each.nodes is not None), f"{each.name} is so many pods, or one on each node of a kind"
        assert each.cpu > 0 or "asks" in str(chart.footprint)
    assert len({each.name for each in pods}) == len(pods)


def test_every_operator_that_a_stack_may_name_has_a_row() -> None:
    assert set(get_args(OperatorName)) < set(table())


def test_rows_agree_with_what_is_known_elsewhere() -> None:
    assert table()[GPU_OPERATOR].version == matrix().operators[-1].version
    assert table()[karpenter.NAME].values["replicas"] == CONTROLLERS
    assert table()[karpenter.NAME].version == table()[karpenter.KINDS].version
    assert table()[EFA].values["nodeSelector"] == {FABRIC_LABEL: "efa"}
    for name in (karpenter.NAME, autoscaler.NAME):
        assert table()[name].values["nodeSelector"] == {POOL_LABEL: "system"}


def test_definitions_are_those_of_the_chart_or_the_difference_is_said() -> None:
    sets = {row.operator: row for row in definitions()}
    for name, chart in table().items():
        assert not chart.crds or chart.crds in sets, name
        if chart.rendered:
            module, _, rest = chart.rendered.partition("@")
            version = rest.partition(":")[0]
            assert chart.version.removeprefix("v") == version.removeprefix("v"), f"{name} would be rendered at another version"
            assert (sets[chart.crds].module, sets[chart.crds].version) == (module, version), name


def test_every_add_on_of_eks_has_a_footprint() -> None:
    # GuardDuty installs its agent by itself: no addon of ours names it.
    named = {*(addon.name for addon in ADDONS), AGENT}
    assert named == document()["managed"].keys()
    for name in named:
        assert managed(name)


def test_a_footprint_follows_what_the_chart_is_told() -> None:
    rows = [
        {"pods": "a", "replicas": "x.count", "labels": "x.labels", "size": ["x.resources", "y"]},
        {"pods": "b", "nodes": "efa", "asks": {"cpu": 5}},
    ]
    values = {
        "x": {"count": 3, "labels": {"k": "v"}, "resources": {"requests": {"cpu": "1", "memory": "2Gi"}}},
        "y": {"requests": {"cpu": "50m", "memory": "3Mi"}},
    }
    a, b = pods_of("n", rows, values)
    assert a == Pods("n-a", 1050, 2051, replicas=3, on={"k": "v"})
    assert b == Pods("n-b", 5, 0, nodes="efa")
    assert on_node([a, b, Pods("c", 1, 2, nodes="all")], ["efa", "nvidia"]) == (6, 2)
    assert on_node([a, b, Pods("c", 1, 2, nodes="all")], []) == (1, 2)
    assert (millicores("250m"), mebibytes("1Gi")) == (250, 1024)
