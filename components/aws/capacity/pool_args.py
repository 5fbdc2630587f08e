"""Fields that pools of several kinds have in common, and the rules between them."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.accelerators import Machine, aws_machines, nearest
from components.aws.capacity.density import most_pods
from components.aws.capacity.plan import Capacity, way_of
from components.aws.capacity.pool_values import Count, Pods, no_substitute, too_many_pods, unordered
from components.aws.capacity.threads import misfits
from components.aws.values import Zone
from components.spec import Many, Problem, Spec, rule


class NodesArgs(Spec):
    """Equal nodes of one cluster: of which machine, how many, and for how many pods each."""

    machine: str
    """EC2 machine type: in an accelerator pool one with accelerators, such as g6e.12xlarge, elsewhere
    one without, such as m7i.4xlarge."""
    min: Count = 0
    """Nodes that are always there, of the first capacity."""
    desired: Count | None = None
    """Nodes at first, of the first capacity; the autoscaler owns the number afterwards. Absent is
    `min`."""
    max: Annotated[int, Field(ge=1, le=450)]
    """Most nodes that an autoscaler may ask for, of each capacity; of a reservation or block never more
    than it holds."""
    pods: Pods | None = None
    """Most pods of a node; absent is what AWS recommends for the smallest of its machines: 110, or 250
    with more than 30 vCPUs. Fewer keep fewer addresses."""

    @property
    def most_pods(self) -> int:
        """Most pods of a node."""
        return self.pods or most_pods([self.machine])

    @rule("machine", "pods")
    def _has_addresses(self) -> Iterator[Problem]:
        yield from too_many_pods(self.pods, [self.machine])

    @rule("min", "desired", "max")
    def _ordered(self) -> Iterator[Problem]:
        yield from unordered(self.min, self.desired, self.max)


class PoolArgs(NodesArgs):
    """Equal nodes for workloads, which pods ask for by the pool's name."""

    machines: Many[str] = ()
    """Other machine types that may be bought on demand or as spot where the first is not to be had: of
    the same architecture, with as many of the same accelerator, and no less of anything else."""
    zones: Many[Zone] = ()
    """Zones of the site to use; empty means all of them, or those of the reservations."""
    group_per_zone: bool = False
    """Whether each zone has a node group of its own, among which `min`, `desired` and `max` are
    shared evenly. Pods that mount block volumes need it, and replicas of several nodes, since each
    stays in one zone; otherwise one group over all zones finds capacity sooner."""
    threads_per_core: Literal[1, 2] | None = None
    """Threads that run on each core: 1 turns simultaneous multithreading off, so that a node has half
    as many vCPUs at the same price. Absent is as EC2 starts the machine. All of `machines` must have as
    many cores as the first."""

    @property
    def types(self) -> tuple[str, ...]:
        """Its machine types, in order of preference."""
        return (self.machine, *self.machines)

    @rule("machine", "machines", "pods", "threads_per_core")
    def _has_addresses(self) -> Iterator[Problem]:
        yield from too_many_pods(self.pods, self.types, self.threads_per_core)

    @rule("machine", "machines", "threads_per_core")
    def _threads_can_be_set(self) -> Iterator[Problem]:
        yield from misfits(self.threads_per_core, self.types)

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


def unsold(name: str, capacities: tuple[Capacity, ...]) -> Iterator[Problem]:
    """Problems of ways in which EC2 does not sell a machine."""
    machine = aws_machines().get(name)
    for index, capacity in enumerate(capacities if machine else ()):
        if machine and not sold(machine, capacity):
            ways = ", ".join(sorted(machine.sold))
            text = f"is {way_of(capacity)}, and {name} is sold as {ways} only: choose one of these"
            yield Problem(("capacity", index), text)


def sold(machine: Machine, capacity: Capacity) -> bool:
    """Whether EC2 sells a machine in this way; a reservation is of on-demand instances."""
    return {"reserved": "on-demand"}.get(way := way_of(capacity), way) in machine.sold
