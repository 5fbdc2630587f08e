"""Room for an endpoint's processors and memory beside what its nodes have anyway. Pure functions."""

from collections.abc import Iterator, Mapping

from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Problem
from infra.rules.between import Node

Misfit = tuple[tuple[str, ...], str]
"""A path within the endpoint, and what is wrong there."""


def without_room(endpoints: Mapping[str, InferenceEndpointArgs], nodes: Mapping[str, Node]) -> Iterator[Problem]:
    """Endpoints that their pool's nodes have no room for; `nodes` by pool."""
    for name, endpoint in endpoints.items():
        if node := nodes.get(endpoint.pool):
            yield from (Problem(("endpoints", name, *path), text) for path, text in misfits(endpoint, node))


def misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[Misfit]:
    """Why one replica, or all of them at the most, cannot be placed for their processors or memory."""
    if node.millicores is None or node.room is None:
        return
    lead = f"is more than a node of pool {endpoint.pool} leaves to pods"
    cpus = "".join(f", less {cpu / 1000:.3g} of {who}" for who, (cpu, _) in node.kept.items())
    memories = "".join(f", less {memory / 1024:.3g}GiB of {who}" for who, (_, memory) in node.kept.items())
    processors, memory = endpoint.cpu * 1000 <= node.millicores, endpoint.memory.value <= node.room
    if not processors:
        yield ("cpu",), f"{lead}: {node.cpu}{cpus}, which is {node.millicores / 1000:.4g}; lower it, or take a larger machine"
    if not memory:
        has = f"{(node.memory or 0) / 2**30:.4g}GiB{memories}"
        yield ("memory",), f"{lead}: {has}, which is {node.room / 2**30:.4g}GiB; lower it, or take a larger machine"
    if processors and memory and endpoint.gpus <= node.gpus:
        yield from _stranded(endpoint, node, min(node.millicores // (endpoint.cpu * 1000), node.room // endpoint.memory.value))


def _stranded(endpoint: InferenceEndpointArgs, node: Node, hold: int) -> Iterator[Misfit]:
    """Why not all replicas can be placed although there are GPUs for them: `hold` is how many pods a node takes for all but its GPUs."""
    by_gpus, most = int(node.gpus) // endpoint.gpus, (endpoint.scale.max + endpoint.scale.warm) * endpoint.nodes
    if hold * node.nodes < most <= by_gpus * node.nodes:
        fit = hold * node.nodes // endpoint.nodes - endpoint.scale.warm
        text = f"is more than pool {endpoint.pool} can place: for their cpu and memory a node takes {hold}, and it has GPUs for {by_gpus}"
        yield ("scale", "max"), f"{text}; set {fit} or less, lower cpu or memory, or take a larger machine"
