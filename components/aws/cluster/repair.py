"""Node repair: when EKS and Karpenter stop replacing broken nodes, lest they take away what is left. Pure functions.

Sources: AWS EKS user guide, "Automatically repair nodes in EKS clusters", read 2026-11-26: node groups stop with more than five nodes and
more than 20 % of them broken, node pools with more than 20 %; kubernetes-sigs/karpenter pkg/controllers/node/health: the share of a node
pool is rounded up to whole nodes.
"""

from collections.abc import Iterator
from typing import Literal

from components.aws.capacity.plan import way_of
from components.aws.capacity.pools import GpuPoolArgs

FEW = 5
"""Nodes of a group up to which repairs never stop."""
Maker = Literal["node-group", "node-pool"]


def stops_at(nodes: int, maker: Maker) -> int | None:
    """How many broken nodes of so many stop all repairs; None where no number does."""
    most = nodes // 5 if maker == "node-group" else -(-nodes // 5)
    stopped = most + 1
    return None if stopped > nodes or (maker == "node-group" and nodes <= FEW) else stopped


def warnings(pool: GpuPoolArgs, maker: Maker) -> Iterator[str]:
    """Where a second broken node already stops repairs of a pool at its largest, by the way its nodes are bought."""
    for capacity, most in zip(pool.capacity, pool.most, strict=True):
        if stops_at(most, maker) == 2:
            enough = next(nodes for nodes in range(most, 100) if (stops_at(nodes, maker) or 3) > 2)
            other = f"{FEW} nodes or fewer, or {enough} or more" if maker == "node-group" else f"{enough} nodes or more"
            yield f"two broken nodes of {most} {way_of(capacity)} stop the repair of all: {other} would not"
