"""CPU pools: what their nodes are, how many there are at first, and which machines they may be of."""

import pytest

from components.accelerators import aws_machines
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.node_plan import by_zone, plan_cpu_pool, plan_system, shares
from components.aws.capacity.pools import SystemPoolArgs
from components.catalogue.offerings import not_offered
from graph.model import Resource
from policies.nodes import pool_of
from tests.evaluated import evaluate
from tests.stacks.test_urns import ROOT

ZONES = ("us-west-2a", "us-west-2b", "us-west-2c")
GROUP = "aws:eks/nodeGroup:NodeGroup"
FAMILIES = ("m5", "c5", "r5", "m6i", "c6i", "r6i", "m7g", "c7g", "r7g", "m7i", "c7i", "r7i")


def test_a_plan_a_way_of_buying_and_nodes_of_the_first_alone() -> None:
    args = CpuPoolArgs(machine="m7i.4xlarge", capacity=("spot", "on-demand"), min=1, desired=2, max=6)
    first, second = plan_cpu_pool("batch", args, ZONES)
    assert (first.role, first.min, first.at_first, first.max) == ("pool-batch-spot", 1, 2, 6)
    assert (second.role, second.min, second.at_first, second.max) == ("pool-batch-on-demand", 0, 0, 6)
    assert first.image == "BOTTLEROCKET_x86_64"
    assert first.labels == {"groundwork.dev/pool": "batch"}
    assert [(t.key, t.value, t.effect) for t in first.taints] == [("groundwork.dev/pool", "batch", "NoSchedule")]
    assert not first.devices


def test_an_untainted_pool_takes_any_pod() -> None:
    (plan,) = plan_cpu_pool("batch", CpuPoolArgs(machine="m7g.4xlarge", max=2, taint=False), ZONES)
    assert plan.taints == ()
    assert plan.image == "BOTTLEROCKET_ARM_64"


@pytest.mark.parametrize(("whole", "parts"), [(0, 3), (1, 3), (5, 3), (6, 3), (7, 2)])
def test_zones_share_nodes_evenly(whole: int, parts: int) -> None:
    found = shares(whole, parts)
    assert sum(found) == whole
    assert max(found) - min(found) <= 1


def test_a_zone_keeps_the_order_of_its_numbers() -> None:
    plan = plan_system(SystemPoolArgs(machine="m7i.large", min=2, desired=4, max=5), ZONES)
    found = [(each.min, each.at_first, each.max) for each in by_zone(plan)]
    assert found == [(1, 2, 2), (1, 1, 2), (0, 1, 1)]


def sizes(name: str, pool: str) -> list[tuple[int, int, int]]:
    groups = [g for g in evaluate(ROOT / "tests" / "config" / "full" / f"{name}.yaml").graph.of_type(GROUP) if pool_of(g) == pool]
    return [size(group) for group in groups]


def size(group: Resource) -> tuple[int, int, int]:
    found = group.inputs["scalingConfig"]
    return found["minSize"], found["desiredSize"], found["maxSize"]


def test_wanted_sizes_reach_node_groups_and_are_the_autoscalers_afterwards() -> None:
    assert sizes("aws", "batch") == [(1, 2, 6), (0, 0, 6)]
    assert sizes("aws", "system") == [(1, 2, 2), (1, 1, 2)]
    groups = evaluate(ROOT / "tests" / "config" / "full" / "aws.yaml").graph.of_type(GROUP)
    assert all("scalingConfig.desiredSize" in group.options.ignore_changes for group in groups)


@pytest.mark.parametrize("family", FAMILIES)
def test_common_families_are_known_and_in_every_zone_so_far_as_is_known(family: str) -> None:
    machine = f"{family}.xlarge"
    assert aws_machines()[machine].accelerator == ""
    assert not_offered(machine, "us-west-2", ZONES) == ()
