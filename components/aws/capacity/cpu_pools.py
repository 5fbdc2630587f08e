"""CPU pools: equal nodes without accelerators, for preprocessing, batch jobs and pipelines beside GPU pools."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.accelerators import aws_machines, nearest
from components.aws.capacity.density import most_pods
from components.aws.capacity.pool_values import Count, Disk, Pods, no_substitute, too_many_pods, unordered
from components.aws.capacity.pools import sold
from components.aws.values import Zone
from components.spec import Many, Problem, Size, Spec, rule


class CpuPoolArgs(Spec):
    """Equal nodes without accelerators, which pods ask for by the label groundwork.dev/pool."""

    machine: str
    """EC2 machine type without accelerator, such as m7i.4xlarge."""
    machines: Many[str] = ()
    """Other machine types that may be bought where the first is not to be had: of the same
    architecture, and with no less CPU and memory."""
    capacity: Annotated[Many[Literal["on-demand", "spot"]], Field(min_length=1)] = ("on-demand",)
    """How nodes are bought, in order of preference: on-demand, spot."""
    min: Count = 0
    """Nodes of the first capacity that are always there."""
    desired: Count | None = None
    """Nodes of the first capacity at first; the autoscaler owns the number afterwards. Absent is
    `min`."""
    max: Annotated[int, Field(ge=1, le=450)]
    """Most nodes of each capacity."""
    zones: Many[Zone] = ()
    """Zones of the site to use; empty means all of them."""
    group_per_zone: bool = False
    """Whether each zone has a node group of its own, among which `min`, `desired` and `max` are
    shared evenly. Pods that mount block volumes need it, since each volume stays in one zone."""
    taint: bool = True
    """Whether nodes have the taint groundwork.dev/pool=<pool>:NoSchedule, so that only pods that
    tolerate it run there; without it any pod without a place elsewhere may."""
    disk: Disk = Size("100GiB")
    """Data volume of each node, for images and scratch."""
    pods: Pods | None = None
    """Most pods of a node; absent is what AWS recommends for the smallest of its machines: 110, or
    250 with more than 30 vCPUs."""

    @property
    def most_pods(self) -> int:
        """Most pods of a node."""
        return self.pods or most_pods([self.machine, *self.machines])

    @property
    def most(self) -> tuple[int, ...]:
        """Most nodes of each way of buying them."""
        return (self.max,) * len(self.capacity)

    @property
    def stated(self) -> tuple[str, ...]:
        """Zones that the pool names; empty when it takes those of the site."""
        return tuple(self.zones)

    @rule("machine", "machines", "pods")
    def _has_addresses(self) -> Iterator[Problem]:
        yield from too_many_pods(self.pods, [self.machine, *self.machines])

    @rule("machine")
    def _fits(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            near = nearest(self.machine, aws_machines())
            yield Problem(("machine",), f"is not an EC2 machine type known here{near}")
        elif known.accelerator:
            text = f"has {known.accelerator} accelerators: make it a pool of cluster.pools"
            yield Problem(("machine",), f"{text}, or take a machine without, such as m7i.4xlarge")

    @rule("machine", "machines")
    def _alternatives_fit(self) -> Iterator[Problem]:
        first = aws_machines().get(self.machine)
        for index, name in enumerate(self.machines):
            other, place = aws_machines().get(name), ("machines", index)
            if name == self.machine or name in self.machines[:index]:
                yield Problem(place, f"names {name} again: remove it")
            elif other is None:
                near = nearest(name, aws_machines())
                yield Problem(place, f"is not an EC2 machine type known here{near}")
            elif first and (reason := no_substitute(other, first)):
                yield Problem(place, f"cannot stand in for {self.machine}: {reason}")

    @rule("machine", "capacity")
    def _sold_this_way(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        for index, way in enumerate(self.capacity if known else ()):
            if known and not sold(known, way):
                ways = ", ".join(sorted(known.sold))
                text = f"is {way}, and {self.machine} is sold as {ways} only: choose one of these"
                yield Problem(("capacity", index), text)

    @rule("capacity", "zones")
    def _named_once(self) -> Iterator[Problem]:
        for field in ("capacity", "zones"):
            named = getattr(self, field)
            if len(set(named)) < len(named):
                yield Problem((field,), "names one twice: remove it")

    @rule("min", "desired", "max")
    def _ordered(self) -> Iterator[Problem]:
        yield from unordered(self.min, self.desired, self.max)

    @rule("zones", "group_per_zone")
    def _apart_by_zone(self) -> Iterator[Problem]:
        if self.group_per_zone and len(self.zones) == 1:
            text = "is true, and the pool is in one zone, and has one group for it: remove it"
            yield Problem(("group_per_zone",), text)
