"""CPU pools: equal nodes without accelerators, for preprocessing, batch jobs and pipelines beside GPU pools."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.accelerators import aws_machines, nearest
from components.aws.capacity.density import most_pods
from components.aws.capacity.pool_args import PoolArgs, unsold
from components.aws.capacity.pool_values import Disk
from components.spec import Many, Problem, Size, rule


class CpuPoolArgs(PoolArgs):
    """Equal nodes without accelerators, which pods ask for by the label groundwork.dev/pool."""

    capacity: Annotated[Many[Literal["on-demand", "spot"]], Field(min_length=1)] = ("on-demand",)
    """How nodes are bought, in order of preference: on-demand, spot."""
    taint: bool = True
    """Whether nodes have the taint groundwork.dev/pool=<pool>:NoSchedule, so that only pods that
    tolerate it run there; without it any pod without a place elsewhere may."""
    disk: Disk = Size("100GiB")

    @property
    def most_pods(self) -> int:
        """Most pods of a node."""
        return self.pods or most_pods(self.types, threads=self.threads_per_core)

    @property
    def most(self) -> tuple[int, ...]:
        """Most nodes of each way of buying them."""
        return (self.max,) * len(self.capacity)

    @property
    def stated(self) -> tuple[str, ...]:
        """Zones that the pool names; empty when it takes those of the site."""
        return tuple(self.zones)

    @rule("machine")
    def _fits(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            near = nearest(self.machine, aws_machines())
            yield Problem(("machine",), f"is not an EC2 machine type known here{near}")
        elif known.accelerator:
            text = f"has {known.accelerator} accelerators: make it a pool of cluster.pools"
            yield Problem(("machine",), f"{text}, or take a machine without, such as m7i.4xlarge")

    @rule("machine", "capacity")
    def _sold_this_way(self) -> Iterator[Problem]:
        yield from unsold(self.machine, self.capacity)

    @rule("capacity", "zones")
    def _named_once(self) -> Iterator[Problem]:
        for field in ("capacity", "zones"):
            named = getattr(self, field)
            if len(set(named)) < len(named):
                yield Problem((field,), "names one twice: remove it")

    @rule("zones", "group_per_zone")
    def _apart_by_zone(self) -> Iterator[Problem]:
        if self.group_per_zone and len(self.zones) == 1:
            text = "is true, and the pool is in one zone, and has one group for it: remove it"
            yield Problem(("group_per_zone",), text)
