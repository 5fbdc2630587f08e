"""Stack files that nobody changes, evaluated once in a run of tests: their graphs are frozen, and a production platform takes a second."""

import hashlib
import os
import pickle
from functools import cache
from pathlib import Path

from infra import offline
from infra.offline import Evaluation

__all__ = ["Evaluation", "evaluate", "share"]

ROOT = Path(__file__).parents[1]
_shared: list[Path] = []


def share(folder: Path) -> None:
    """Leave evaluations in a folder for the other processes of the run, and take what they left there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    _shared[:] = [folder]


def evaluate(path: Path, *, unknowns: bool = False) -> Evaluation:
    """As infra.offline.evaluate. A file outside of the checkout, such as one that a test writes, is evaluated anew.

    Raises RuntimeError while pytest collects: every process of a run collects, and each would evaluate for itself.
    """
    if "PYTEST_VERSION" in os.environ and "PYTEST_CURRENT_TEST" not in os.environ:
        raise RuntimeError(f"{path.name} is evaluated while tests are collected: evaluate it in a test or a fixture")
    return _kept(path, unknowns) if path.is_relative_to(ROOT) else offline.evaluate(path, unknowns=unknowns)


@cache
def _kept(path: Path, unknowns: bool) -> Evaluation:
    places = [folder / hashlib.sha256(f"{path} {unknowns}".encode()).hexdigest() for folder in _shared]
    for place in places:
        if place.exists():
            found: Evaluation = pickle.loads(place.read_bytes())
            return found
    made = offline.evaluate(path, unknowns=unknowns)
    for place in places:
        draft = place.with_suffix(f".{os.getpid()}")
        draft.write_bytes(pickle.dumps(made))
        draft.replace(place)
    return made
