"""How long a replica takes to answer that was not there: what a stack file may promise, and the sum it is held to. Pure functions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from components.catalogue.tables import table_of
from components.spec import Duration, Problem, Size, Spec, rule


class ColdStartArgs(Spec):
    """What is promised of a new replica; refused when its parts take longer by the figures that are known."""

    within: Duration
    """Time from the decision to add a replica to its first answer, at most 2h."""
    image_size: Size
    """Size of the engine's image as its registry holds it, which a node fetches that has not run it yet."""

    @rule("within")
    def _ends(self) -> Iterator[Problem]:
        if not 1 <= self.within.seconds <= 7_200:
            yield Problem(("within",), f"{self.within} is outside 1s to 2h")


@cache
def figures() -> dict[str, Any]:
    """What is known of each part, with its source."""
    read: dict[str, Any] = table_of("cold_start")
    return read


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds of each part of a cold start."""

    node: int
    pull: int
    load: int

    @property
    def total(self) -> int:
        """All of them, one after the other."""
        return self.node + self.pull + self.load

    def __str__(self) -> str:
        parts = [f"{self.node}s for a node"] if self.node else []
        return f"{self.total}s: " + ", ".join([*parts, f"{self.pull}s to fetch the image", f"{self.load}s to load"])


def parts(args: ColdStartArgs, load_time: Duration, *, warm: bool) -> Parts:
    """The parts for an endpoint. `warm`: nodes for its most replicas are always there."""
    known = figures()
    pull = -(-args.image_size.value // known["pull"]["bytes_per_second"])
    return Parts(0 if warm else known["node"]["seconds"], pull, load_time.seconds)
