"""Updates of a node group's nodes: another image, Kubernetes version or launch template replaces them. Pure functions.

By default EKS starts new nodes before old ones end, up to two in each zone or as many as may be unavailable, whichever is more; the
minimal strategy ends old ones first. Every node that is to end is given 15 minutes for its pods to leave; if one stays, the update
fails with PodEvictionFailure, and with the force flag the node ends with it. Sources: EKS API reference, NodegroupUpdateConfig; EKS
user guide, managed-node-update-behavior and capacity-blocks-mng ("make sure that the desired size of the node group is set to 0").
"""

from collections.abc import Iterator, Sequence
from typing import Any

from components.aws.capacity.evictions import Eviction
from components.aws.capacity.plan import Capacity, CapacityBlock, held, way_of
from components.aws.capacity.pools import GpuPoolArgs

AT_ONCE = 33
"""Percentage of a group's nodes that are replaced together where nothing on them has to leave one by one."""
DRAINED_WITHIN = 900
"""Seconds that EKS gives the pods of a node to leave. Source: EKS user guide, managed-node-update-behavior, "within 15 minutes"."""


def drained(evictions: Sequence[Eviction], nodes: int) -> int:
    """Seconds until the last pod has left `nodes` nodes that are drained together, with room for its successor elsewhere."""
    return max((_last(one, min(nodes * one.on_node, one.replicas)) for one in evictions), default=0)


def _last(eviction: Eviction, pods: int) -> int:
    return (pods - 1) * eviction.start + eviction.end if pods else 0


def together(evictions: Sequence[Eviction], most: int, *, first: bool) -> int:
    """Most nodes, of `most`, whose pods leave in time when they are drained together; 0 when not even those of one do.

    `first` is that old nodes end first, so that nothing takes the place of an evicted pod meanwhile: no
    second one of the same endpoint can leave.
    """
    if first and evictions:
        fits = all(min(one.on_node, one.replicas) <= 1 and one.end <= DRAINED_WITHIN for one in evictions)
        return 1 if fits else 0
    return next((nodes for nodes in range(most, 0, -1) if drained(evictions, nodes) <= DRAINED_WITHIN), 0)


def groups_of(pool: GpuPoolArgs, zones: Sequence[str]) -> int:
    """Node groups of a pool in a site of these zones, all of which one `up` updates at the same time."""
    return len(pool.capacity) * (len(pool.stated or zones) if pool.group_per_zone else 1)


def update_config(capacity: Capacity, most: int = 1, evictions: Sequence[Eviction] = (), groups: int = 1) -> Any:
    """Arguments of a node group of at most `most` nodes, on which pods leave one by one; their pool has so many `groups`.

    Where all that there may be is held already, no new node has room beside the old ones, so that these end first. The bridge takes
    the strategy since hashicorp/terraform-provider-aws#41487.
    """
    first = held(capacity) is not None
    strategy = {"update_strategy": "MINIMAL"} if first else {}
    bound = together(evictions, most * groups, first=first) // groups if evictions else most
    if bound >= -(-most * AT_ONCE // 100):
        return {"max_unavailable_percentage": AT_ONCE, **strategy}
    return {"max_unavailable": max(bound, 1), **strategy}


def consequences(pool: GpuPoolArgs, evictions: Sequence[Eviction] = (), zones: Sequence[str] = ()) -> Iterator[str]:
    """What an update of a pool's node groups takes, by the way their nodes are bought; `zones` are the site's."""
    groups = groups_of(pool, zones)
    for capacity, most in zip(pool.capacity, pool.most, strict=True):
        config = update_config(capacity, most, evictions, groups)
        count = f"{AT_ONCE} %" if "max_unavailable_percentage" in config else str(config["max_unavailable"])
        lead = f"an update of its {way_of(capacity)} nodes"
        if isinstance(capacity, CapacityBlock):
            yield f"{lead} ends {count} of them before new ones start; EKS asks for a desired size of 0 first"
        elif held(capacity) is not None:
            yield f"{lead} ends {count} of them before new ones start, since the reservation may be full"
        else:
            yield f"{lead} starts up to two more in each zone, or {count} where that is more, before old ones end"
        yield from (f"{lead} {text}" for text in stuck(capacity, evictions, groups))


def stuck(capacity: Capacity, evictions: Sequence[Eviction], groups: int) -> Iterator[str]:
    """Why an update may fail, since pods do not leave in time though each node group of the pool drains one node."""
    first = held(capacity) is not None
    for one in evictions:
        if together([one], groups, first=first) >= groups:
            continue
        pods = min(one.on_node * groups, one.replicas)
        if first and pods > 1:
            why = f"{pods} replicas of {one.name} may have to leave at once, of which one may be missing, and no other has room"
        else:
            sums = f"{pods - 1} x {one.start} s to start, {one.end} s to end"
            why = f"{pods} replicas of {one.name} may have to leave one by one, which takes {_last(one, pods)} s ({sums})"
        where = "a node" if groups == 1 else f"a node in each of {groups} node groups"
        text = f"may fail with PodEvictionFailure: EKS gives pods {DRAINED_WITHIN} s to leave {where}, and {why}"
        yield f"{text}; shorten longest_request or load_time, take fewer GPUs on a node, or let Karpenter make the nodes"
