"""A replica that finds its pool full takes the place of a pod that holds room, at once, and no other pod's: with the real scheduler."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.control_plane.prepared import api_server
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import add_nodes, simulated, wait_until, why_unscheduled
from tests.cluster.test_placement import POOL, ROOT, World
from tests.evaluated import evaluate

pytestmark = pytest.mark.cluster


def named(world: World, name: str) -> dict[str, Any]:
    (body,) = [body for body in world.deployments if body["metadata"]["name"] == name]
    return body


def on(world: World, name: str) -> dict[str, str]:
    """Nodes of the pods of a deployment that are placed, by pod."""
    return {p["metadata"]["name"]: p["spec"]["nodeName"] for p in world.pods(named(world, name)) if p["spec"].get("nodeName")}


@pytest.fixture(scope="module")
def world(server: ApiServer) -> Iterator[World]:
    """Production, with no more GPU nodes in the pool than its pods of the beginning fill."""
    assert server, "provisioned, or the tier has given up"
    with api_server() as own, simulated(own):
        made = World(own.client, evaluate(ROOT / "Pulumi.prod.yaml"))
        there = [body for body in made.deployments if body["spec"]["template"]["spec"].get("tolerations")]
        serving = [node for node in made.nodes if node.labels[POOL] == "serving"]
        full = sum(body["spec"]["replicas"] for body in there)
        assert full < len(serving), "there are nodes to come"
        add_nodes(own.client, [node for node in made.nodes if node not in serving[full:]])
        made.to_come = serving[full:]
        for body in made.bodies:
            own.client.apply(body, manager="pulumi-kubernetes")
        for body in there:
            wait_until(lambda body=body: made.ready(body) == body["spec"]["replicas"], f"{body['metadata']['name']} does not come up")
        yield made


def test_a_replica_starts_where_room_was_held_and_the_room_follows_the_next_node(world: World) -> None:
    chat, warm, others = named(world, "chat"), named(world, "chat-warm"), on(world, "chat-shadow")
    before, held = on(world, "chat"), on(world, "chat-warm")
    assert len(held) == warm["spec"]["replicas"] == 2
    world.scaled(chat, len(before) + 1)
    after = on(world, "chat")
    assert before.items() <= after.items(), "no replica gave way"
    assert on(world, "chat-shadow") == others
    (added,) = set(after.values()) - set(before.values())
    assert added in held.values(), "the node has the engine's image"
    wait_until(lambda: any("Insufficient nvidia.com/gpu" in why_unscheduled(p) for p in world.pods(warm)), "nobody asks for the next node")
    assert world.ready(warm) == 1
    add_nodes(world.api, world.to_come[:1])
    wait_until(lambda: world.ready(warm) == 2, "room is not held on the next node")
    assert world.to_come[0].name in on(world, "chat-warm").values()


def test_room_that_is_used_up_leaves_the_next_replica_waiting(world: World) -> None:
    chat, warm = named(world, "chat"), named(world, "chat-warm")
    before = on(world, "chat")
    world.api.apply({**chat, "spec": {**chat["spec"], "replicas": len(before) + 3}}, manager="test", force=True)
    wait_until(lambda: world.ready(chat) == len(before) + 2, "two more do not start")
    wait_until(lambda: any("Insufficient nvidia.com/gpu" in why_unscheduled(p) for p in world.pods(chat)), "the third is not told apart")
    assert world.ready(warm) == 0
    add_nodes(world.api, world.to_come[1:2])
    wait_until(lambda: world.ready(chat) == len(before) + 3, "the replica does not come before the room")
    assert world.ready(warm) == 0
