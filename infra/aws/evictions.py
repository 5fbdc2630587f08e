"""Evictions from the nodes of each pool, by the endpoints of a platform. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence

from components.accelerators import aws_machines
from components.aws.capacity.evictions import Eviction
from components.aws.capacity.pools import GpuPoolArgs
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.pods import drain


def of_pools(pools: Mapping[str, GpuPoolArgs], endpoints: Mapping[str, InferenceEndpointArgs]) -> Mapping[str, Sequence[Eviction]]:
    """What leaves nodes of each pool one by one. Endpoints of teams that are stacks of their own are not known here."""
    return {
        name: [one for key, endpoint in endpoints.items() if endpoint.pool == name for one in of_endpoint(key, endpoint, pool)]
        for name, pool in pools.items()
    }


def of_endpoint(name: str, endpoint: InferenceEndpointArgs, pool: GpuPoolArgs) -> Iterator[Eviction]:
    """Replicas of an endpoint, and those of its shadow, which have a budget of their own.

    A replica of several nodes has a pod on each. How long a node takes to fetch an image is not reckoned with.
    """
    machine = aws_machines().get(pool.machine)
    if machine is None:
        return
    share = pool.share
    gpus = share.per_node if share else int(machine.accelerators)
    on_node = max(gpus // endpoint.gpus, 1) if endpoint.nodes == 1 else 1
    counts = {name: max(endpoint.scale.max, 1)}
    if endpoint.shadow:
        counts[f"{name}-shadow"] = endpoint.shadow.replicas
    for called, replicas in counts.items():
        start, end = endpoint.load_time.seconds, drain(endpoint)
        yield Eviction(name=called, on_node=on_node, replicas=replicas, start=start, end=end)
