"""A simulated creation is one the engine could make: never too early, never too many at once, first come first served."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.model import Graph, Resource
from review.simulate import Step, chain, simulate, waits


def resource(urn: str, *after: str, **more: object) -> Resource:
    return replace(Resource(urn, "t", urn, True, "", {}, dependencies=after), **more)  # type: ignore[arg-type]


def graph(*resources: Resource) -> Graph:
    return Graph("p", "s", resources)


def path(steps: dict[str, Step]) -> str:
    return "".join(step.urn for step in chain(steps))


def test_everything_a_resource_waits_for() -> None:
    found = resource("a", "b", property_dependencies={"x": ("c",)}, parent="d", provider="e")
    assert waits(found) == {"b", "c", "d", "e"}
    assert waits(resource("a")) == frozenset()


@pytest.mark.parametrize("edge", [{"dependencies": ("a",)}, {"property_dependencies": {"x": ("a",)}}, {"parent": "a"}, {"provider": "a"}])
def test_every_kind_of_edge_is_waited_for(edge: dict[str, object]) -> None:
    steps = simulate(graph(resource("a"), resource("b", **edge)), {"a": 5, "b": 1}, 9)
    assert (steps["b"].ready, steps["b"].start, steps["b"].finish, steps["b"].after) == (5, 5, 6, "a")


def test_the_critical_path_is_the_longest_way_through() -> None:
    steps = simulate(
        graph(resource("a"), resource("b", "a"), resource("c", "a"), resource("d", "b", "c")), {"a": 1, "b": 9, "c": 2, "d": 1}, 9
    )
    assert path(steps) == "abd"
    assert steps["d"].finish == 11


def test_first_come_first_served_by_so_many_hands() -> None:
    steps = simulate(graph(*(resource(name) for name in "abcd"), resource("e", "a")), dict.fromkeys("abcde", 2.0) | {"b": 5.0}, 2)
    assert {name: step.start for name, step in steps.items()} == {"a": 0, "b": 0, "c": 2, "d": 4, "e": 5}
    assert steps["e"].ready == 2


def test_what_takes_no_time_still_stands_in_the_queue() -> None:
    steps = simulate(graph(resource("a"), resource("b"), resource("c", "b")), {"a": 4, "c": 1}, 1)
    assert (steps["b"].start, steps["c"].finish) == (4, 5)


def test_a_graph_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(ValueError, match="wait for each other: a, b"):
        simulate(graph(resource("a", "b"), resource("b", "a"), resource("c")), {}, 2)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        simulate(graph(), {}, 0)


def test_nothing_takes_no_time() -> None:
    assert simulate(graph(), {}, 1) == {}
    assert chain({}) == ()


@st.composite
def programs(draw: st.DrawFn) -> tuple[Graph, dict[str, float]]:
    """A graph of up to 12 resources, each after some of the earlier ones, and how long they take."""
    names = [f"r{index:02}" for index in range(draw(st.integers(1, 12)))]
    made = [resource(name, *sorted(draw(st.sets(st.sampled_from(names[:index]))) if index else ())) for index, name in enumerate(names)]
    return graph(*made), {name: float(draw(st.integers(0, 9))) for name in names}


def longest(made: Graph, seconds: dict[str, float]) -> float:
    ends: dict[str, float] = {}
    for one in made:
        ends[one.urn] = seconds[one.urn] + max((ends[urn] for urn in one.dependencies), default=0.0)
    return max(ends.values())


@given(programs(), st.integers(1, 4))
def test_no_simulation_breaks_the_rules(program: tuple[Graph, dict[str, float]], parallel: int) -> None:
    made, seconds = program
    steps = simulate(made, seconds, parallel)
    makespan = max(step.finish for step in steps.values())
    for one in made:
        step = steps[one.urn]
        assert step.ready == max((steps[urn].finish for urn in one.dependencies), default=0.0) <= step.start
        assert step.finish == step.start + seconds[one.urn]
        at_once = [other for other in steps.values() if other.start <= step.start < other.finish]
        assert len(at_once) <= parallel
    assert longest(made, seconds) <= makespan <= sum(seconds.values())
    assert makespan <= sum(seconds.values()) / parallel + longest(made, seconds)
    spent = sum(step.finish - step.ready for step in chain(steps))
    assert math.isclose(spent, makespan)


@given(programs())
def test_with_hands_enough_nothing_queues(program: tuple[Graph, dict[str, float]]) -> None:
    made, seconds = program
    steps = simulate(made, seconds, len(made))
    assert all(step.start == step.ready for step in steps.values())
    assert max(step.finish for step in steps.values()) == longest(made, seconds)
