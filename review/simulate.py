"""A creation of a whole graph, simulated: what starts when, as the engine would do it.

The engine takes a resource when everything it waits for is there, in the order in which resources become ready, and works on at most
`parallel` at once (pulumi/pulumi v3.259.0, pkg/resource/deploy/step_executor.go: that many workers take steps from one queue). Resources
wait for what their inputs come from, what they name in depends_on, their parent and their provider. Of several that became ready at one
moment the engine takes any; here it is the first by URN, so that a recorded graph and a state tell the same.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graph.model import Graph, Resource


@dataclass(frozen=True, slots=True)
class Step:
    """One resource being made. Seconds from the beginning: when all it waits for was there, when it began, and when it was there.

    `after` is the URN of what it waited for last, "" when it waited for nothing.
    """

    urn: str
    ready: float
    start: float
    finish: float
    after: str


def waits(resource: Resource) -> frozenset[str]:
    """URNs of everything the engine waits for before it makes a resource."""
    through = (urn for urns in resource.property_dependencies.values() for urn in urns)
    return frozenset(filter(None, (*resource.dependencies, *through, resource.parent, resource.provider)))


def simulate(graph: Graph, seconds: Mapping[str, float], parallel: int) -> dict[str, Step]:
    """Every resource's step, by URN. `seconds` is how long each takes by itself, 0 for URNs that are not in it.

    Raises ValueError when resources wait for each other, or `parallel` is less than 1.
    """
    if parallel < 1:
        raise ValueError(f"parallel must be at least 1, not {parallel}")
    known = {resource.urn for resource in graph}
    left = {resource.urn: len(waits(resource) & known) for resource in graph}
    steps: dict[str, Step] = {}
    last: dict[str, str] = {}
    queue = sorted((0.0, urn) for urn, count in left.items() if count == 0)
    running: list[tuple[float, str]] = []
    waiting = _waiting(graph)
    now = 0.0
    while queue or running:
        while queue and len(running) < parallel:
            ready, urn = heapq.heappop(queue)
            steps[urn] = Step(urn, ready, now, now + seconds.get(urn, 0.0), last.get(urn, ""))
            heapq.heappush(running, (steps[urn].finish, urn))
        now, done = heapq.heappop(running)
        for urn in waiting[done]:
            left[urn] -= 1
            last[urn] = done
            if not left[urn]:
                heapq.heappush(queue, (now, urn))
    if len(steps) < len(known):
        raise ValueError(f"these wait for each other: {', '.join(sorted(known - steps.keys()))}")
    return steps


def _waiting(graph: Graph) -> Mapping[str, list[str]]:
    """Who waits for a resource, by its URN."""
    found: dict[str, list[str]] = defaultdict(list)
    for resource in graph:
        for urn in waits(resource):
            found[urn].append(resource.urn)
    return found


def chain(steps: Mapping[str, Step]) -> tuple[Step, ...]:
    """The critical path: the step that ends last, what it waited for last, and so on back to the beginning; first things first."""
    found = list(_back(steps))
    return tuple(reversed(found))


def _back(steps: Mapping[str, Step]) -> Iterator[Step]:
    step = max(steps.values(), key=lambda step: (step.finish, step.urn), default=None)
    while step is not None:
        yield step
        step = steps.get(step.after)
