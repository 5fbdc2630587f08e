"""Arguments of pools that Karpenter makes."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.accelerators import Machine
from components.spec import Duration, Problem, Size, Spec, rule

HIGHEST = 100
"""Greatest weight of a NodePool."""
Path = tuple[str | int, ...]


class KarpenterLimits(Spec):
    """Most of each resource that the nodes of one capacity of a pool may have together."""

    accelerators: Annotated[int, Field(ge=1)] | None = None
    """Devices; absent follows the pool's max."""
    cpu: Annotated[int, Field(ge=1)] | None = None
    """vCPUs; absent follows the pool's max."""
    memory: Size | None = None
    """Memory; absent follows the pool's max."""

    def problems(self, machine: Machine) -> Iterator[tuple[str, str]]:
        """Every limit below one node of the machine, by field."""
        memory = self.memory.value if self.memory else None
        one: dict[str, tuple[int | None, int, str]] = {
            "accelerators": (self.accelerators, int(machine.accelerators), f"{machine.accelerators:g}"),
            "cpu": (self.cpu, machine.vcpus, f"{machine.vcpus}"),
            "memory": (memory, machine.memory_mib * 2**20, f"{machine.memory_mib / 1024:.4g}GiB"),
        }
        for name, (limit, least, spelt) in one.items():
            if limit is not None and limit < least:
                yield name, f"admits no node: one {machine.name} has {spelt}, so state that or more, or remove the limit"


class KarpenterPoolArgs(Spec):
    """Nodes that Karpenter makes when pods ask for them, without node groups in between."""

    static: bool = False
    """Whether the pool keeps min nodes whatever pods ask, instead of following them. Not to be changed once made. Karpenter has this behind
    its StaticCapacity gate."""
    weight: Annotated[int, Field(ge=1, le=HIGHEST)] | None = None
    """Preference of the pool's first capacity among pools that fit a pod, 1 to 100; each further capacity has one less. Absent is 100."""
    limits: KarpenterLimits | None = None
    """Most resources of each capacity's nodes together; absent is what max nodes have."""
    disruption: Literal["when-empty", "one-at-a-time"] = "when-empty"
    """when-empty, for training, takes only nodes away that run nothing; one-at-a-time, for serving, also replaces outdated nodes, such as
    those of an older image, one after another, each after its successor is there: a pool at its max replaces none. No node ends for its
    age, which no budget would bound. Neither holds back the repair of broken nodes, the end of spot instances, or Auto Mode, which ends
    every node after 21 days."""
    idle: Duration = Duration("30m")
    """How long a node stays that runs nothing."""
    grace: Duration = Duration("1h")
    """How long pods may take to end when their node goes; after that they end whatever their own disruption budget says."""

    @rule("static", "weight")
    def _static_has_no_weight(self) -> Iterator[Problem]:
        if self.static and self.weight is not None:
            yield Problem(("weight",), "is stated, and static is true: a pool that follows no pods competes with none; remove weight")

    @rule("static", "limits")
    def _static_counts_nodes(self) -> Iterator[Problem]:
        if self.static and self.limits is not None:
            yield Problem(("limits",), "are stated, and static is true: such a pool is limited by its number of nodes; set max instead")

    @rule("idle", "grace")
    def _at_least_a_second(self) -> Iterator[Problem]:
        for name in ("idle", "grace"):
            if getattr(self, name).value % 1_000 or not getattr(self, name).value:
                yield Problem((name,), 'must be whole seconds, one or more, such as "30m"')

    def problems(self, machine: Machine | None, least: int, most: int, ways: int) -> Iterator[tuple[Path, str]]:
        """What does not go with the pool that this is of, by path within the pool."""
        if self.static and not least:
            yield ("min",), "is 0, and static is true: say how many nodes the pool keeps, or set static: false"
        if self.static and self.disruption == "one-at-a-time" and least == most:
            text = f"is {most}, as min is, and outdated nodes of a static pool are replaced by one more first"
            yield ("max",), f"{text}: set max: {most + 1}, or disruption: when-empty"
        if self.static and ways > 1:
            yield ("capacity",), "has more than one way, and static is true: a pool that keeps its nodes has no second choice; leave one"
        if not self.static and least:
            yield ("min",), f"is {least}, and Karpenter keeps no node that no pod needs: set min: 0, or static: true"
        if machine and self.limits:
            yield from ((("karpenter", "limits", name), text) for name, text in self.limits.problems(machine))
