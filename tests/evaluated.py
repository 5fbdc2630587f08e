"""Stack files that nobody changes, evaluated once in each process: their graphs are frozen, and a production platform takes a second."""

from functools import cache
from pathlib import Path

from infra import offline
from infra.offline import Evaluation

__all__ = ["Evaluation", "evaluate"]

ROOT = Path(__file__).parents[1]


def evaluate(path: Path, *, unknowns: bool = False) -> Evaluation:
    """As infra.offline.evaluate. A file outside of the checkout, such as one that a test writes, is evaluated anew."""
    return _kept(path, unknowns) if path.is_relative_to(ROOT) else offline.evaluate(path, unknowns=unknowns)


@cache
def _kept(path: Path, unknowns: bool) -> Evaluation:
    return offline.evaluate(path, unknowns=unknowns)
