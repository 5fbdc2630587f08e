"""NodePools of every stack before Karpenter's own controllers: nodes come from none, empty ones go, budgets are honoured."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.model import Graph
from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.processes import DidNotStart
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import wait_until
from rehearsal.control_plane.tools import KARPENTER, NoControlPlane, locate
from rehearsal.golang import Unavailable
from tests.assertions.graphs import STACKS
from tests.cluster.conftest import give_up
from tests.evaluated import evaluate
from tests.nodes import karpenter_machines as imagined
from tests.nodes.karpenter import LIMIT, POOL, Body, World, disrupted, names, pool_of, probe, settle, specs, up, watched

pytestmark = pytest.mark.cluster

OWN = Path(__file__).parent / "stacks"
FILES = {**STACKS, **{path.stem.removeprefix("Pulumi."): path for path in OWN.glob("Pulumi.*.yaml")}}
FEW = 2
"""Nodes of a NodePool whose replacement is watched: less than any pool's max, since one more comes first."""


def drawn(stack: str) -> Graph:
    return evaluate(FILES[stack]).graph


def judged() -> list[str]:
    """Stacks with NodePools of Karpenter."""
    return [name for name, path in FILES.items() if "autoscaler: {kind: karpenter}" in path.read_text("utf-8")]


def not_judged() -> list[str]:
    """Stacks whose NodePools are made by EKS Auto Mode, which runs nowhere else."""
    return [name for name, path in FILES.items() if "kind: auto-mode" in path.read_text("utf-8")]


@contextlib.contextmanager
def provisioned(config: pytest.Config) -> Iterator[ApiServer]:
    """An API server of its own, once Karpenter can be had."""
    with contextlib.ExitStack() as stack:
        try:
            locate(tools=[KARPENTER])
            made = stack.enter_context(api_server())
        except (NoControlPlane, Unavailable, DidNotStart) as why:
            give_up(config, why)
        yield made


@pytest.fixture(scope="module", params=judged())
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stack before Karpenter, with no NodePool yet."""
    folder = tmp_path_factory.mktemp(request.param)
    with provisioned(request.config) as own, up(own, drawn(request.param), folder) as made:
        yield made


def test_something_is_judged_and_what_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    pools = {stack: len(specs(drawn(stack), "NodePool")) for stack in judged()}
    with capsys.disabled():
        told = ", ".join(f"{stack} {count}" for stack, count in pools.items())
        print(f"\nKarpenter judges {sum(pools.values())} NodePools: {told}; not judged (Auto Mode): {', '.join(not_judged())}")
    assert min(pools.values()) >= 1
    assert sum(pools.values()) >= 5
    assert not_judged() == ["auto-mode"]


def test_node_pools_are_rewritten_only_where_the_list_says(world: World) -> None:
    for name, rendered in world.pools.items():
        sent = imagined.rewritten(rendered, "5s")
        assert set(imagined.differences(rendered, sent)) <= imagined.REWRITES, name


def test_every_pool_grows_from_no_node(world: World) -> None:
    assert not world.nodes()
    work = 0
    for name, pool in world.pools.items():
        sent = world.pool_up(name, idle="1h")
        assert "replicas" in sent or not world.claims(name)
        body = probe(name, pool, world.classes[pool["template"]["spec"]["nodeClassRef"]["name"]])
        world.grown(body, 1)
        assert world.claims(name), name
        work += 1
        world.api.delete(body)
    for body in world.workloads:
        world.grown(body, body["spec"]["replicas"])
        work += body["spec"]["replicas"]
        assert all(node["metadata"]["labels"][imagined.TYPE] for node in world.nodes())
    assert work >= len(world.pools)


def test_what_karpenter_cannot_imagine_gets_no_node(world: World) -> None:
    """Planted: huge pages, which no machine type has."""
    name, pool = next((name, pool) for name, pool in world.pools.items() if "replicas" not in pool)
    body = probe(name, pool, world.classes[pool["template"]["spec"]["nodeClassRef"]["name"]])
    body["metadata"]["name"] = "paged"
    resources = body["spec"]["template"]["spec"]["containers"][0]["resources"]
    for asked in resources.values():
        asked["hugepages-2Mi"] = "512Mi"
    before = names(world.claims(name))
    with pytest.raises(DidNotStart, match="wait for a node"):
        world.grown(body, 1, limit=25)
    assert names(world.claims(name)) <= before
    assert "hugepages-2Mi" in world.said(body) or "no instance type" in world.said(body)
    world.api.delete(body)


def few(world: World, name: str) -> Body:
    """A workload on so many nodes of a NodePool, with nothing else of its pool beside it."""
    pool = world.pools[name]
    for body in world.workloads:
        if pool_of(body) == pool["template"]["metadata"]["labels"][POOL]:
            world.run(body, 0)
    body = probe(name, pool, world.classes[pool["template"]["spec"]["nodeClassRef"]["name"]])
    wait_until(lambda: cleared(world, name), f"{name}: nodes stay", limit=LIMIT)
    world.grown(body, FEW)
    return body


def cleared(world: World, name: str) -> bool:
    """Whether a NodePool has no node; asks each that it has to go."""
    found = world.claims(name)
    for claim in found:
        world.api.delete(claim)
    return not found


def of_kind(world: World, *, nodes_zero: bool) -> str:
    """A NodePool, not static, whose budgets forbid drift or bound it."""
    for name, pool in world.pools.items():
        forbids = pool["disruption"]["budgets"][0]["nodes"] == "0"
        if "replicas" not in pool and forbids == nodes_zero:
            return name
    pytest.fail("no such NodePool in this stack: not judged")


def test_outdated_nodes_are_replaced_one_after_another(world: World) -> None:
    name = of_kind(world, nodes_zero=False)
    body = few(world, name)
    old = names(world.claims(name))
    template = world.pools[name]["template"]
    labels = {**template["metadata"]["labels"], "test.groundwork.dev/outdated": "no"}
    sent = imagined.rewritten(world.pools[name], "1h")["template"]
    world.pool_up(name, idle="1h", template={**sent, "metadata": {"labels": labels}})
    seen = watched(lambda: disrupted(world, name), lambda: not names(world.claims(name)) & old, f"{name}: outdated nodes stay", 600)
    assert max(seen) == 1, f"{max(seen)} nodes were taken away at once"
    world.api.delete(body)


def test_nodes_that_work_stay_though_they_are_outdated(world: World) -> None:
    name = of_kind(world, nodes_zero=True)
    body = few(world, name)
    old = names(world.claims(name))
    sent = imagined.rewritten(world.pools[name], "5s")["template"]
    labels = {**sent["metadata"]["labels"], "test.groundwork.dev/outdated": "no"}
    world.pool_up(name, template={**sent, "metadata": {"labels": labels}})
    settle(30)
    assert names(world.claims(name)) >= old
    assert not disrupted(world, name)
    world.api.delete(body)


def test_a_drain_keeps_the_budgets_of_pods(world: World) -> None:
    """All nodes of an endpoint are deleted at once, as a person may; Karpenter evicts, and eviction asks the budget."""
    body = next(b for b in world.workloads if b["metadata"]["name"] in ("chat", "vision"))
    world.grown(body, 2)
    wait_until(lambda: world.ready(body) == 2, "replicas do not come up")
    used = {pod["spec"]["nodeName"] for pod in world.pods(body)}
    old = [c for pool in world.pools for c in world.claims(pool) if c["status"].get("nodeName") in used]
    assert old
    for claim in old:
        world.api.delete(claim)
    seen = watched(lambda: world.ready(body), lambda: not names(old) & every(world), "drained nodes stay", 300)
    assert min(seen) >= 1
    wait_until(lambda: world.bound(body) == 2, "replicas do not come back", limit=LIMIT)


def every(world: World) -> set[str]:
    """Names of all NodeClaims."""
    return {name for pool in world.pools for name in names(world.claims(pool))}


def gone(world: World, name: str, left: int) -> None:
    """Wait until so many nodes of a NodePool are left."""
    wait_until(lambda: len(world.claims(name)) == left, f"{name}: empty nodes stay", limit=LIMIT)


def test_empty_nodes_go(world: World) -> None:
    for name, pool in world.pools.items():
        if "replicas" not in pool:
            world.pool_up(name)
    for body in world.workloads:
        world.api.delete(body)
    for name, pool in world.pools.items():
        world.api.delete(probe(name, pool, world.classes[pool["template"]["spec"]["nodeClassRef"]["name"]]))
        gone(world, name, pool.get("replicas", 0))


def test_nodes_that_expire_go_together_whatever_budgets_say(world: World) -> None:
    """Planted: an age at which nodes end. It is why no NodePool has one."""
    name = of_kind(world, nodes_zero=False)
    sent = imagined.rewritten(world.pools[name], "1h")["template"]
    aged = {**sent, "spec": {**sent["spec"], "expireAfter": "60s"}}
    world.pool_up(name, idle="1h", template=aged)
    body = few(world, name)
    wait_until(lambda: disrupted(world, name) > 1, f"{name}: nodes went one by one", limit=LIMIT)
    world.api.delete(body)
