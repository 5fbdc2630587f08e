"""When repairs stop, by the number of nodes and by who makes them."""

import pytest

from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.repair import stops_at, warnings


@pytest.mark.parametrize(("nodes", "broken"), [(1, None), (5, None), (6, 2), (9, 2), (10, 3), (14, 3), (15, 4), (50, 11)])
def test_a_node_group_of_more_than_five_stops_above_a_fifth(nodes: int, broken: int | None) -> None:
    assert stops_at(nodes, "node-group") == broken
    if broken:
        assert broken / nodes > 0.2 >= (broken - 1) / nodes


@pytest.mark.parametrize(("nodes", "broken"), [(1, None), (2, 2), (5, 2), (6, 3), (10, 3), (11, 4)])
def test_a_node_pool_stops_above_a_fifth_rounded_up(nodes: int, broken: int | None) -> None:
    assert stops_at(nodes, "node-pool") == broken


def test_a_pool_that_a_second_fault_leaves_alone_is_told_of() -> None:
    def told(most: int, *ways: str) -> list[str]:
        args = {"accelerator": "l40s", "machine": "g6e.12xlarge", "capacity": list(ways), "max": most}
        return list(warnings(GpuPoolArgs.model_validate(args), "node-group"))

    assert told(5, "on-demand") == told(10, "on-demand") == []
    (text,) = told(7, "on-demand")
    assert "two broken nodes of 7 on-demand" in text
    assert "5 nodes or fewer, or 10 or more" in text
    assert len(told(7, "on-demand", "spot")) == 2
