"""How many things the tier of nodes judged in this process, by name, and what it did not judge."""

from collections import Counter

COUNTED: Counter[str] = Counter()
UNJUDGED: set[str] = set()
"""Told by name at the end of a run."""


def judged(name: str, count: int) -> None:
    """Count things that were judged. Raises AssertionError for none: a judge that looked at nothing has not passed."""
    assert count > 0, f"no {name} judged"
    COUNTED[name] += count
