"""Whether what endpoints ask for fits the GPU pools they name: rules between models that the platform's config applies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from components.kubernetes.engines import VllmEngine
from components.kubernetes.inference_args import InferenceEndpointArgs
from components.spec import Problem


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """What a GPU pool can hold, as far as it is known before anything is made."""

    gpus_per_node: int
    gpu_memory_mib: int
    """Memory of one GPU."""
    max_nodes: int


def endpoint_problems(endpoints: Mapping[str, InferenceEndpointArgs], pools: Mapping[str, PoolFacts]) -> Iterator[Problem]:
    """Every fault between endpoints and pools; paths begin with "endpoints"."""
    for name, endpoint in endpoints.items():
        pool = pools.get(endpoint.pool)
        if pool is None:
            yield Problem(("endpoints", name, "pool"), _no_pool(endpoint.pool, pools))
        else:
            yield from _placement_problems(name, endpoint, pool)
    for name, pool in pools.items():
        yield from _demand_problems(name, pool, {key: e for key, e in endpoints.items() if e.pool == name})


def _no_pool(wanted: str, pools: Mapping[str, PoolFacts]) -> str:
    near = get_close_matches(wanted, pools, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"pools are {', '.join(sorted(pools)) or 'none: declare one'}"
    return f'"{wanted}" is no GPU pool of this cluster: {hint}'


def _placement_problems(name: str, endpoint: InferenceEndpointArgs, pool: PoolFacts) -> Iterator[Problem]:
    """Whether one replica fits one node, leaves no GPU stranded, and its GPUs hold the weights."""
    if endpoint.gpus > pool.gpus_per_node or pool.gpus_per_node % endpoint.gpus:
        fitting = [str(count) for count in range(1, pool.gpus_per_node + 1) if pool.gpus_per_node % count == 0]
        message = (
            f"{endpoint.gpus} does not divide the {pool.gpus_per_node} GPUs of a node of pool {endpoint.pool}: use {' or '.join(fitting)}"
        )
        yield Problem(("endpoints", name, "gpus"), message)
    usable = _usable_bytes(endpoint, pool)
    if endpoint.weights.value > usable:
        room = f"{endpoint.gpus} GPUs of {pool.gpu_memory_mib} MiB in pool {endpoint.pool} leave {usable // 2**20} MiB"
        yield Problem(("endpoints", name, "weights"), f"{endpoint.weights} do not fit: {room}; use more GPUs or a quantised model")


def _usable_bytes(endpoint: InferenceEndpointArgs, pool: PoolFacts) -> int:
    """GPU memory of one replica that the engine may fill."""
    share = endpoint.engine.gpu_memory.value if isinstance(endpoint.engine, VllmEngine) else 10_000
    return endpoint.gpus * pool.gpu_memory_mib * 2**20 * share // 10_000


def _demand_problems(name: str, pool: PoolFacts, endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Problem]:
    """Whether all endpoints of a pool can grow to their maximum at once; told at the one that asks for most."""
    wanted = {key: endpoint.gpus * endpoint.scale.max for key, endpoint in endpoints.items()}
    held = pool.gpus_per_node * pool.max_nodes
    if sum(wanted.values()) > held:
        most = max(wanted, key=wanted.__getitem__)
        text = (
            f"endpoints of pool {name} may grow to {sum(wanted.values())} GPUs and it holds {held}: lower scale.max or raise the pool's max"
        )
        yield Problem(("endpoints", most, "scale", "max"), text)
