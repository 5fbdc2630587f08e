"""What GPU pools cost, over every stack: each is told apart, guarded by a budget that tells somebody, and empty when nothing needs it."""

from typing import Any

import pytest

from graph.model import Graph, Resource
from policies.model import View
from policies.nodes import GROUP, POOL, SERVES, TEMPLATE, accelerated, always_there, node_class, placed_on, pool_of
from tests.assertions.graphs import graph, on_aws

STACKS = on_aws()
TAG = "groundwork:pool"
COSTS = {"instance", "volume", "network-interface"}
"""What a node is made of, and paid for."""


def makers(stack: str) -> list[Resource]:
    """Whatever makes nodes of GPU pools in a stack."""
    return [maker for maker in graph(stack).of_type(GROUP, POOL) if accelerated(maker)]


def tagged(made: Graph, maker: Resource) -> dict[str, dict[str, Any]]:
    """Tags of what a node is made of, by kind; Karpenter and Auto Mode put those of the class on all of it."""
    if maker.type == POOL:
        found = node_class(maker, View(made))
        assert found
        return dict.fromkeys(COSTS, found.inputs["spec"]["tags"])
    (template,) = [t for t in made.of_type(TEMPLATE) if t.urn in maker.property_dependencies["launchTemplate"]]
    return {row["resourceType"]: row["tags"] for row in template.inputs["tagSpecifications"]}


@pytest.mark.parametrize("stack", STACKS)
def test_all_that_a_node_costs_says_which_pool_it_is_of(stack: str) -> None:
    for maker in makers(stack):
        tags = tagged(graph(stack), maker)
        assert tags.keys() == COSTS
        assert {row[TAG] for row in tags.values()} == {pool_of(maker)}
        assert all(row["groundwork:owner"] for row in tags.values())


@pytest.mark.parametrize("stack", STACKS)
def test_each_pool_has_a_budget_that_tells_somebody(stack: str) -> None:
    counted = {
        value.partition("$")[2]: budget.inputs["notifications"]
        for budget in graph(stack).of_type("aws:budgets/budget:Budget")
        for row in budget.inputs["costFilters"]
        for value in row["values"]
        if value.startswith(f"user:{TAG}$")
    }
    for pool in {pool_of(maker) for maker in makers(stack)}:
        told = counted[pool]
        assert {row["notificationType"] for row in told} == {"ACTUAL", "FORECASTED"}
        assert all(row["subscriberSnsTopicArns"] for row in told)


@pytest.mark.parametrize("stack", STACKS)
def test_no_node_is_kept_that_nothing_runs_on(stack: str) -> None:
    used = {placed_on(workload) for workload in graph(stack).of_type(*SERVES)}
    assert {pool_of(maker) for maker in makers(stack) if always_there(maker)} - used == set()


def test_every_way_of_making_nodes_is_looked_at() -> None:
    assert {maker.type for stack in STACKS for maker in makers(stack)} == {GROUP, POOL}
    assert {"dev", "prod", "karpenter", "auto-mode", "trn2"} <= {stack for stack in STACKS if makers(stack)}
