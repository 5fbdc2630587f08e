"""Updates of a node group's nodes: another image, Kubernetes version or launch template replaces them. Pure functions.

By default EKS starts new nodes before old ones end, up to two in each zone or as many as may be unavailable, whichever is more; the
minimal strategy ends old ones first. Sources: EKS API reference, NodegroupUpdateConfig; EKS user guide,
managed-node-update-behavior and capacity-blocks-mng ("make sure that the desired size of the node group is set to 0").
"""

from collections.abc import Iterator
from typing import Any

from components.aws.capacity.plan import Capacity, CapacityBlock, held, way_of
from components.aws.capacity.pools import GpuPoolArgs

AT_ONCE = 33
"""Percentage of a group's nodes that are replaced together."""


def update_config(capacity: Capacity) -> Any:
    """Arguments of a node group: where all that there may be is held already, no new node has room beside the old ones.

    The bridge takes the strategy since hashicorp/terraform-provider-aws#41487.
    """
    first = {"update_strategy": "MINIMAL"} if held(capacity) is not None else {}
    return {"max_unavailable_percentage": AT_ONCE, **first}


def consequences(pool: GpuPoolArgs) -> Iterator[str]:
    """What an update of a pool's node groups takes, by the way their nodes are bought."""
    for capacity in pool.capacity:
        lead = f"an update of its {way_of(capacity)} nodes"
        if isinstance(capacity, CapacityBlock):
            yield f"{lead} ends {AT_ONCE} % of them before new ones start; EKS asks for a desired size of 0 first"
        elif held(capacity) is not None:
            yield f"{lead} ends {AT_ONCE} % of them before new ones start, since the reservation may be full"
        else:
            yield f"{lead} starts up to two more in each zone, or {AT_ONCE} % where that is more, before old ones end"
