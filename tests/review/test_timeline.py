"""Time to ready: the reference stacks are near what the cloud imposes, and a needless wait shows."""

import io
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from graph.model import Graph, Resource
from graph.types import latency
from review.render_timeline import TOLERATED, show
from review.text import clock
from review.timeline import PARALLEL, Timeline, timeline
from review.to_json import timeline_json
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]


def drawn(stack: str) -> Graph:
    return evaluate(ROOT / f"Pulumi.{stack}.yaml").graph


@cache
def found(stack: str) -> Timeline:
    return timeline(drawn(stack))


def printed(made: Timeline, width: int = 100) -> str:
    file = io.StringIO()
    show(made, Console(file=file, width=width))
    return file.getvalue()


def delayed(graph: Graph, late: str, by: str) -> Graph:
    """The graph with a wait that nothing asks for."""
    (cause,) = (resource.urn for resource in graph if resource.name == by)
    made = [replace(r, dependencies=(*r.dependencies, cause)) if r.name == late else r for r in graph]
    assert any(cause in r.dependencies and r.name == late for r in made)
    return replace(graph, resources=tuple(made))


@pytest.mark.parametrize(("stack", "least"), [("dev", 900), ("prod", 900), ("onprem", 300)])
def test_a_reference_stack_waits_for_little_that_the_cloud_does_not_impose(stack: str, least: int) -> None:
    made = found(stack)
    assert 1 <= made.ratio <= TOLERATED == 1.05, printed(made)
    assert made.bound > least


@pytest.mark.parametrize(
    ("stack", "name", "least"), [("dev", "chat-pods", 240), ("prod", "chat-rollout", 300), ("onprem", "chat-pods", 300)]
)
def test_loading_a_model_is_time_that_up_waits_for(stack: str, name: str, least: int) -> None:
    for chain in (found(stack).path, found(stack).imposed):
        assert [stop.seconds >= least for stop in chain if stop.name == name] == [True]


@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_the_critical_path_is_the_whole_time(stack: str) -> None:
    made = found(stack)
    assert sum(stop.seconds + stop.queued for stop in made.path) == pytest.approx(made.makespan)
    assert sum(stop.seconds for stop in made.imposed) == pytest.approx(made.bound)
    assert (made.resources, made.parallel) == (len(drawn(stack).custom), PARALLEL)


def test_a_wait_that_nothing_asks_for_raises_the_ratio_and_not_the_bound() -> None:
    graph = drawn("dev")
    slower = timeline(delayed(graph, "cluster-control-plane", "registry-database-instance"))
    assert slower.bound == found("dev").bound
    assert slower.ratio > found("dev").ratio + 0.3
    assert {"registry-database-instance", "cluster-control-plane"} <= {stop.name for stop in slower.path}
    assert timeline(delayed(graph, "tracking-pods", "network-vpc")) == found("dev")


def test_fewer_hands_take_longer_and_the_queue_is_told() -> None:
    slow = timeline(drawn("dev"), 1)
    assert slow.makespan == pytest.approx(sum(latency.of(r.type, inputs=r.inputs).median for r in drawn("dev").custom))
    assert sum(stop.queued for stop in slow.path) > 60
    assert ", queued " in printed(slow)


def test_an_imposed_wait_is_by_what_names_it_or_by_the_first_that_serves() -> None:
    def made(name: str, token: str, inputs: dict[str, object], **named: str) -> Resource:
        return Resource(name, token, name, True, "", inputs, property_dependencies={prop: (urn,) for prop, urn in named.items()})

    cluster = made("cluster", "aws:eks/cluster:Cluster", {})
    quick = made("cni", "aws:eks/addon:Addon", {"addonName": "vpc-cni"}, clusterName="cluster")
    nodes = made("nodes", "aws:eks/nodeGroup:NodeGroup", {}, clusterName="cluster")
    more = made("more", "aws:eks/nodeGroup:NodeGroup", {}, clusterName="nodes")
    dns = made("dns", "aws:eks/addon:Addon", {"addonName": "coredns"}, clusterName="cluster")
    whole = timeline(Graph("p", "s", (cluster, quick, nodes, more, dns)))
    assert [stop.name for stop in whole.imposed] == ["cluster", "cni", "nodes", "dns"]
    assert [stop.name for stop in timeline(Graph("p", "s", (cluster, dns))).imposed] == ["cluster", "dns"]


def test_nothing_is_ready_at_once() -> None:
    made = timeline(Graph("p", "s", ()))
    assert (made.makespan, made.bound, made.ratio, made.path) == (0, 0, 1, ())


def test_json_has_the_ratio_and_every_stop() -> None:
    told = timeline_json(found("prod"))
    assert told["ratio"] == round(found("prod").ratio, 4)
    assert set(told) == {"parallel", "makespan", "path", "bound", "imposed", "resources", "assumed", "ratio"}
    assert {"urn", "name", "type", "start", "seconds", "queued", "measured"} == set(told["path"][0])


def test_the_section_says_how_long_along_what_and_what_is_assumed() -> None:
    text = printed(found("dev"))
    assert f"{clock(found('dev').makespan)} from nothing at --parallel 32" in text
    assert "cluster-control-plane" in text
    assert f"{found('dev').assumed} of {found('dev').resources} resources" in text


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_it_is_wider_than_the_console(width: int) -> None:
    assert max(map(len, printed(found("prod"), width).splitlines())) <= width


@pytest.mark.parametrize(("seconds", "told"), [(0, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (934, "15m 34s"), (3725, "1h 02m")])
def test_durations_are_told_as_people_read_them(seconds: float, told: str) -> None:
    assert clock(seconds) == told
