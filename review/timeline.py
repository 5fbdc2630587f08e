"""Time to ready: how long a stack takes from nothing, what that time is made of, and how near it is to what the cloud imposes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graph.model import Graph, Resource
from graph.types import imposed, latency
from review.simulate import chain, simulate

PARALLEL: Final = 32
"""Resources made at once: enough that nothing of a reference stack queues for long, and what the README gives `pulumi up`.

The engine's own default is four for each core, so this many on eight (pulumi/pulumi v3.259.0, pkg/cmd/pulumi/operations/up.go,
defaultParallel).
"""


@dataclass(frozen=True, slots=True)
class Stop:
    """One resource of a chain: when it begins, how long it takes and how long it waited for the engine before that, in seconds.

    `measured` is False where nobody measured its type, and the default for quick calls stands in.
    """

    urn: str
    name: str
    type: str
    start: float
    seconds: float
    queued: float
    measured: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """Seconds from nothing to ready at `parallel`, the critical path, and the longest chain that the cloud itself imposes.

    Resources that take no time (components, providers) are in no chain. `assumed` counts the resources whose duration nobody measured.
    """

    parallel: int
    makespan: float
    path: tuple[Stop, ...]
    bound: float
    imposed: tuple[Stop, ...]
    resources: int
    assumed: int

    @property
    def ratio(self) -> float:
        """How many times the bound the stack takes; 1 when there is nothing to wait for."""
        return self.makespan / self.bound if self.bound else 1.0


def timeline(graph: Graph, parallel: int = PARALLEL) -> Timeline:
    """The time to ready of a graph, recorded or read from the engine's state. Raises ValueError for a graph with a circle."""
    took = {resource.urn: latency.of(resource.type, inputs=resource.inputs) for resource in graph.custom}
    seconds = {urn: found.median for urn, found in took.items()}
    steps = simulate(graph, seconds, parallel)
    bound = _Bound(graph, seconds)
    return Timeline(
        parallel=parallel,
        makespan=max((step.finish for step in steps.values()), default=0.0),
        path=tuple(
            _stop(graph.by_urn[step.urn], step.start, took[step.urn], step.start - step.ready) for step in chain(steps) if step.urn in took
        ),
        bound=bound.longest,
        imposed=tuple(_stop(graph.by_urn[urn], bound.ends[urn] - seconds[urn], took[urn]) for urn in bound.chain()),
        resources=len(took),
        assumed=sum(not found.measured for found in took.values()),
    )


def _stop(resource: Resource, start: float, took: latency.Latency, queued: float = 0.0) -> Stop:
    return Stop(resource.urn, resource.name, resource.type, start, took.median, queued, took.measured)


class _Bound:
    """When each resource could be there at the earliest, if nothing but the cloud's own needs were waited for."""

    def __init__(self, graph: Graph, seconds: Mapping[str, float]) -> None:
        self._graph, self._seconds = graph, seconds
        self.ends: dict[str, float] = {}
        self._after: dict[str, str] = {}
        for urn in seconds:
            self._end(urn, ())

    @property
    def longest(self) -> float:
        """Seconds of the longest chain."""
        return max(self.ends.values(), default=0.0)

    def chain(self) -> tuple[str, ...]:
        """URNs of the longest chain, first things first."""
        return tuple(reversed(list(self._back())))

    def _back(self) -> Iterator[str]:
        urn = max(self.ends, key=lambda urn: self.ends[urn], default="")
        while urn:
            yield urn
            urn = self._after.get(urn, "")

    def _end(self, urn: str, above: tuple[str, ...]) -> float:
        if urn in above:
            raise ValueError(f"imposed.json goes in a circle: {' needs '.join((*above[above.index(urn) :], urn))}")
        if urn not in self.ends:
            start, self._after[urn] = 0.0, ""
            for needed in imposed.edges(self._graph, self._graph.by_urn[urn]):
                earliest = min((one for one in needed if one in self._seconds), key=lambda one: self._end(one, (*above, urn)), default="")
                if earliest and self.ends[earliest] > start:
                    start, self._after[urn] = self.ends[earliest], earliest
            self.ends[urn] = start + self._seconds[urn]
        return self.ends[urn]
