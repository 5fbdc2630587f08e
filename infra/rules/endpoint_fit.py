"""Fit of an endpoint's replicas on the GPUs of their pool, with the arithmetic shown. Pure functions."""

from collections.abc import Iterator, Mapping

from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.serving.engines import VllmEngine
from components.kubernetes.serving.memory import Share
from infra.notes import Note
from infra.rules.between import Node

Misfit = tuple[tuple[str, ...], str]
"""A path within the endpoint, and what is wrong there."""


def misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[Misfit]:
    """Why one replica does not fit a node."""
    if node.sharing and endpoint.gpus > 1:
        yield ("gpus",), f"is more than the one share that a pod of pool {endpoint.pool} can use: set 1, or name a pool of whole GPUs"
    elif endpoint.gpus > node.gpus:
        yield ("gpus",), f"is more than one node of pool {endpoint.pool} has, {node.gpus:g}"
    elif node.gpus % endpoint.gpus:
        yield ("gpus",), f"does not divide the {node.gpus:g} of a node of pool {endpoint.pool}: the rest would stand idle"
    else:
        yield from _memory_misfits(endpoint, node)
    if endpoint.nodes > node.nodes:
        yield ("nodes",), f"is more than pool {endpoint.pool} may have, {node.nodes}: let the pool grow, or take more GPUs of each node"


def _taken(endpoint: InferenceEndpointArgs, node: Node) -> int:
    """Memory of one GPU that the engine takes, in bytes; where several pods see one GPU's memory, no more than each may count on."""
    sees = node.sharing.sees if node.sharing else 1
    return min(node.gpu_memory, node.gpu_memory * sees * endpoint.engine.memory_share // 10_000)


def _memory_misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[Misfit]:
    """Why weights or cache do not fit, or why an engine takes what its neighbours on the same GPU count on."""
    share, sees = endpoint.engine.memory_share, node.sharing.sees if node.sharing else 1
    if isinstance(endpoint.engine, VllmEngine) and share * sees > 10_000:
        text = f"is {endpoint.engine.gpu_memory} of the whole GPU, which {sees} pods of pool {endpoint.pool} share"
        yield ("engine", "gpu_memory"), f"{text}: set {100 // sees}% or less, or name a pool of whole GPUs or of MIG"
    elif endpoint.weights.value > endpoint.gpus * endpoint.nodes * _taken(endpoint, node):
        have = f"{endpoint.gpus * endpoint.nodes} x {node.gpu_memory * sees / 2**30:.4g}GiB at {share / 100:g}%"
        yield ("weights",), f"do not fit the GPUs of one replica, {have}: take more GPUs, or a pool with larger ones"
    else:
        yield from _cache_misfits(endpoint, node)


def share_of(endpoint: InferenceEndpointArgs, node: Node) -> Share | None:
    """What each GPU of a replica holds; None where the model's facts are not told."""
    if not isinstance(endpoint.engine, VllmEngine) or endpoint.facts is None:
        return None
    per_token = endpoint.facts.per_token(endpoint.engine.kv_cache, endpoint.gpus, endpoint.nodes)
    if per_token is None:
        return None
    return Share(_taken(endpoint, node), -(-endpoint.weights.value // (endpoint.gpus * endpoint.nodes)), per_token)


def _cache_misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[Misfit]:
    """Why the key-value cache does not fit: not one request of the whole context, or not as many requests as are served at once."""
    engine, share = endpoint.engine, share_of(endpoint, node)
    if share is None or not isinstance(engine, VllmEngine) or endpoint.facts is None:
        return
    levers = "more gpus, kv_cache: fp8, or a pool with larger GPUs"
    if not share.holds(engine.context_length):
        longest = share.requests(1)
        lead = f"cannot be held for one request, and vLLM would not start: a GPU has {share.sum(1, engine.context_length)}"
        yield ("engine", "context_length"), f"{lead}; set {longest} or less, or take {levers}"
        return
    tokens, served = endpoint.facts.tokens_per_request or engine.context_length, engine.concurrency or 1
    if not share.holds(served * tokens):
        lead = f"does not fit: a GPU has {share.sum(served, tokens)}"
        text = f"set {share.requests(tokens)} or less, a smaller context_length or tokens_per_request, or take {levers}"
        yield ("engine", "concurrency"), f"{lead}; {text}"


def notes(endpoints: Mapping[str, InferenceEndpointArgs], nodes: Mapping[str, Node | None]) -> Iterator[Note]:
    """How far the memory of each endpoint's GPUs was judged; `nodes` by pool."""
    for name, endpoint in endpoints.items():
        node = nodes.get(endpoint.pool)
        if node is None or not isinstance(endpoint.engine, VllmEngine):
            continue
        share, context = share_of(endpoint, node), endpoint.engine.context_length
        if share is None:
            text = "GPU memory is judged by the weights alone: state facts (layers, kv_heads, head_dim) to have the cache judged too"
        else:
            most = share.requests(context)
            text = f"{most} requests of the whole context fit at once: a GPU has {share.sum(most, context)}; activations are not counted"
        yield Note(f"endpoint {name}", text)
