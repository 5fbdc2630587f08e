"""Updates of node groups: how many nodes drain at once so that pods leave as fast as their budgets let them."""

from collections import Counter
from typing import Any

import pytest

from components.aws.capacity.evictions import Eviction
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.capacity.updating import DRAINED_WITHIN, consequences, drained, groups_of, together, update_config
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from infra.aws.evictions import of_endpoint, of_pools
from infra.aws.platform import AwsPlatform
from tests.assertions.graphs import graph, on_aws
from tests.assertions.graphs import platform as platform_of

GROUP = "aws:eks/nodeGroup:NodeGroup"
POOL = "groundwork.dev/pool"
HELD = {"reserved": "cr-0123456789abcdef0", "zone": "us-west-2a", "count": 4}


def leaving(**changes: Any) -> Eviction:
    return Eviction(**{"name": "chat", "on_node": 1, "replicas": 10, "start": 300, "end": 210, **changes})


def pool(**changes: Any) -> GpuPoolArgs:
    return GpuPoolArgs.model_validate({"accelerator": "l40s", "machine": "g6e.4xlarge", "max": 18, **changes})


@pytest.mark.parametrize(
    ("changes", "nodes", "seconds"),
    [({}, 1, 210), ({}, 3, 2 * 300 + 210), ({"on_node": 4}, 1, 3 * 300 + 210), ({"replicas": 2}, 6, 300 + 210), ({"replicas": 0}, 6, 0)],
)
def test_pods_leave_one_by_one_and_the_last_one_ends(changes: dict[str, int], nodes: int, seconds: int) -> None:
    assert drained([leaving(**changes)], nodes) == seconds


def test_endpoints_have_budgets_of_their_own() -> None:
    assert drained([leaving(), leaving(name="other", start=10)], 3) == 810
    assert drained([], 3) == 0


@pytest.mark.parametrize(
    ("changes", "first", "nodes"),
    [
        ({}, False, 3),
        ({"start": 60, "end": 60, "replicas": 100}, False, 15),
        ({"start": 60, "end": 60}, False, 18),
        ({"on_node": 4}, False, 0),
        ({"end": 3_630}, False, 0),
        ({}, True, 1),
        ({"on_node": 2}, True, 0),
        ({"on_node": 8, "replicas": 1}, True, 1),
        ({"end": 3_630}, True, 0),
    ],
)
def test_as_many_nodes_drain_at_once_as_make_it_in_a_quarter_of_an_hour(changes: dict[str, int], first: bool, nodes: int) -> None:
    assert together([leaving(**changes)], 18, first=first) == nodes
    assert (
        nodes == 0
        or first
        or drained([leaving(**changes)], nodes) <= DRAINED_WITHIN < drained([leaving(**changes)], nodes + 1)
        or nodes == 18
    )


def test_a_node_group_takes_no_more_nodes_than_that() -> None:
    assert update_config("on-demand", 18) == {"max_unavailable_percentage": 33}
    assert update_config("on-demand", 18, [leaving()]) == {"max_unavailable": 3}
    assert update_config("on-demand", 18, [leaving()], groups=2) == {"max_unavailable": 1}
    assert update_config("on-demand", 6, [leaving()]) == {"max_unavailable_percentage": 33}
    assert update_config("on-demand", 18, [leaving(end=3_630)]) == {"max_unavailable": 1}
    (held,) = pool(capacity=[HELD], max=4).capacity
    assert update_config(held, 4, [leaving()]) == {"max_unavailable": 1, "update_strategy": "MINIMAL"}


def test_groups_that_one_update_changes_together_share_the_time() -> None:
    zones = ("us-west-2a", "us-west-2b")
    assert groups_of(pool(), zones) == 1
    assert groups_of(pool(capacity=["spot", "on-demand"]), zones) == 2
    assert groups_of(pool(capacity=["spot", "on-demand"], group_per_zone=True), zones) == 4


def test_what_cannot_leave_in_time_is_told_with_the_arithmetic() -> None:
    (fine,) = consequences(pool(), [leaving()])
    assert "or 3 where that is more" in fine
    _, late = consequences(pool(), [leaving(on_node=4)])
    assert "4 replicas of chat may have to leave one by one, which takes 1110 s (3 x 300 s to start, 210 s to end)" in late
    _, full = consequences(pool(capacity=[HELD], max=4), [leaving(on_node=2)])
    assert "2 replicas of chat may have to leave at once, of which one may be missing, and no other has room" in full
    assert len(list(consequences(pool(capacity=["spot", "on-demand"]), [leaving(start=700)]))) == 4


def test_replicas_of_an_endpoint_are_counted_by_what_a_node_holds() -> None:
    platform = platform_of("prod")
    assert isinstance(platform, AwsPlatform)
    found = of_pools(platform.cluster.pools, platform.endpoints)
    assert found["training"] == []
    assert [(one.name, one.on_node, one.replicas, one.start, one.end) for one in found["serving"]] == [
        ("chat", 1, 10, 300, 210),
        ("chat-shadow", 1, 1, 300, 210),
    ]
    chat: InferenceEndpointArgs = platform.endpoints["chat"]
    wide = pool(machine="g6e.48xlarge")
    assert next(iter(of_endpoint("chat", chat, wide))).on_node == 8


@pytest.mark.parametrize("stack", on_aws())
def test_no_update_drains_more_nodes_than_budgets_let_go_in_time(stack: str) -> None:
    """Judged from the file and the rendered groups: all groups of a pool drain as many nodes as they may, at the same time."""
    platform = platform_of(stack)
    if not isinstance(platform, AwsPlatform):
        return
    found = of_pools(platform.cluster.pools, platform.endpoints)
    for name, evictions in found.items():
        at_once: Counter[str] = Counter()
        for group in graph(stack).of_type(GROUP):
            if group.inputs["labels"][POOL] == name:
                at_once[group.inputs["clusterName"]] += at_most(group.inputs["updateConfig"], group.inputs["scalingConfig"]["maxSize"])
        told = [note.text for note in platform.notes() if note.subject == f"pool {name}" and "PodEvictionFailure" in note.text]
        for cluster, nodes in at_once.items():
            late = drained(evictions, nodes) > DRAINED_WITHIN
            assert not late or told, f"{stack}, {cluster}: {nodes} nodes of {name} take {drained(evictions, nodes)} s"


def at_most(config: dict[str, Any], nodes: int) -> int:
    """Nodes of a group that EKS drains together; a percentage is rounded up, to be sure."""
    return int(config.get("maxUnavailable") or -(-nodes * config["maxUnavailablePercentage"] // 100))
