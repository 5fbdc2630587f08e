"""Node groups follow from a pool's arguments, and so do their names."""

from typing import Any

import pytest

from components.aws.capacity.groups import group_name
from components.aws.capacity.node_plan import accelerator_pool, plan_pool, plan_system
from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.cluster.autoscaler import chart_values, priorities
from components.kubernetes.serving.warm import PRIORITY
from components.naming import Naming

ZONES = ("us-west-2a", "us-west-2b")
NAMING = Naming("groundwork", "dev", "111122223333", "us-west-2")
POOL: dict[str, Any] = {"accelerator": "l40s", "machine": "g6e.12xlarge", "min": 1, "max": 3}


def pool(**change: Any) -> GpuPoolArgs:
    return GpuPoolArgs.model_validate(POOL | change)


def names(args: GpuPoolArgs) -> list[str]:
    return [group_name(plan, NAMING) for plan in plan_pool("large", args, ZONES)]


def test_each_capacity_is_a_group_and_only_the_first_keeps_nodes() -> None:
    first, second = plan_pool("large", pool(capacity=["spot", "on-demand"]), ZONES)
    assert (first.capacity_type, first.min, first.max) == ("SPOT", 1, 3)
    assert (second.capacity_type, second.min, second.max) == ("ON_DEMAND", 0, 3)


def test_a_pool_is_in_all_zones_unless_it_names_some() -> None:
    assert plan_pool("large", pool(), ZONES)[0].zones == ZONES
    assert plan_pool("large", pool(zones=["us-west-2b"]), ZONES)[0].zones == ("us-west-2b",)


@pytest.mark.parametrize("change", [{"max": 9}, {"min": 0}, {"disk": "300GiB"}])
def test_what_changes_in_place_keeps_the_name(change: dict[str, Any]) -> None:
    assert names(pool(**change)) == names(pool())


@pytest.mark.parametrize("change", [{"machine": "g6e.24xlarge"}, {"zones": ["us-west-2a"]}, {"capacity": ["spot"]}])
def test_what_replaces_the_group_gives_it_a_new_name(change: dict[str, Any]) -> None:
    assert not set(names(pool(**change))) & set(names(pool()))


@pytest.mark.parametrize(("machine", "image"), [("m7i.large", "BOTTLEROCKET_x86_64"), ("m7g.large", "BOTTLEROCKET_ARM_64")])
def test_the_image_fits_the_processor(machine: str, image: str) -> None:
    plan = plan_system(SystemPoolArgs(machine=machine), ZONES)
    assert (plan.image, plan.taints) == (image, ())


def test_arm_gpu_machines_get_the_arm_image() -> None:
    (plan,) = plan_pool("small", pool(accelerator="t4g", machine="g5g.xlarge"), ZONES)
    assert plan.image == "BOTTLEROCKET_ARM_64_NVIDIA"


def test_workloads_are_told_what_the_nodes_carry() -> None:
    facts = accelerator_pool("large", pool(capacity=["on-demand", "spot"]))
    plans = plan_pool("large", pool(), ZONES)
    assert all(facts.node_labels.items() <= plan.labels.items() for plan in plans)
    assert all(tuple(facts.taints) == plan.taints for plan in plans)
    assert (facts.per_node, facts.memory_mib, facts.max_nodes) == (4, 45776, 6)


def test_groups_of_equal_rank_share_a_priority() -> None:
    assert priorities([[["a"], ["b"]], [["c"]]]) == {"100": ["^eks-a-.*", "^eks-c-.*"], "99": ["^eks-b-.*"]}


def test_the_autoscaler_finds_the_groups_of_its_cluster() -> None:
    values = chart_values("groundwork-dev-cluster", "us-west-2", [], closed=False)
    assert values["autoDiscovery"] == {"clusterName": "groundwork-dev-cluster"}
    assert values["extraArgs"]["expander"].split(",")[0] == "priority"


def test_the_autoscaler_fetches_nodes_for_room_that_is_held() -> None:
    """Below its cutoff, -10 unless it is told otherwise, it would do nothing for a pod, and take its node away."""
    cutoff = chart_values("groundwork-dev-cluster", "us-west-2", [], closed=False)["extraArgs"].get("expendable-pods-priority-cutoff", -10)
    assert cutoff <= PRIORITY < 0
