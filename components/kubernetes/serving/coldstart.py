"""Cold starts: how long a replica takes to answer that was not there, its promise, and the sum it is held to. Pure functions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from components.catalogue.tables import table_of
from components.spec import Duration, Problem, Size, Spec, rule


def _a_second(size: Size) -> Size:
    if not size.value:
        raise ValueError('must be more than nothing, such as "120MiB"')
    return size


PullSpeed = Annotated[Size, AfterValidator(_a_second)]
"""How much of a container image a node fetches and unpacks in a second."""
Way = Literal["serial", "bottlerocket", "al2023"]
"""How nodes fetch images: layer by layer, or in parallel by the image family of the node."""
ADDED_EVERY = 60
"""Seconds between two replicas that the autoscaler adds."""


class ColdStartArgs(Spec):
    """What is promised of a new replica; refused when its parts take longer by the figures that are known.

    The parts are a node, the engine's image, and `load_time`, which holds all from the start of the container to its first answer.
    """

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


def speed(way: Way) -> int:
    """Bytes of an image that a node fetches and unpacks each second."""
    serial: int = figures()["pull"]["bytes_per_second"]
    measured = figures()["parallel"]
    return serial if way == "serial" else int(serial * measured["serial_seconds"] / measured[f"{way}_seconds"])


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
        told = {"for a node": self.node, "to fetch the image": self.pull}
        parts = [f"{seconds}s {words}" for words, seconds in told.items() if seconds]
        return f"{self.total}s: " + ", ".join([*parts, f"{self.load}s to load"])


@dataclass(frozen=True, slots=True)
class Start:
    """All that the parts of an endpoint's cold start depend on."""

    image: int
    """Bytes of the engine's image."""
    load: int
    """Seconds from the start of the container to the first answer."""
    speed: int
    """Bytes of an image that a node fetches each second."""
    kept: bool
    """Whether nodes for all its replicas are always there."""
    added: int
    """Most replicas that can be added one after the other."""
    warm: int = 0
    """Replicas that room is held ready for, the engine's image on it."""

    @property
    def parts(self) -> Parts:
        """The parts for the slowest of all replicas that are added without a pause.

        Each takes the place of one that is held ready, for which another node is asked at once. When the last is taken, the first of
        those nodes is as far as it got meanwhile: with the image fetched it serves the next replica at once, else that waits for the rest
        of the node and fetches the image.
        """
        node = 0 if self.kept else figures()["node"]["seconds"]
        pull = -(-self.image // self.speed)
        ahead = self.warm * ADDED_EVERY
        if self.warm and (self.warm >= self.added or ahead >= node + pull):
            return Parts(0, 0, self.load)
        return Parts(max(node - ahead, 0), pull, self.load)
