"""Combinatorial group testing: what each of many changes does, from far fewer drawings than changes.

Every change gets a code word: the drawings in which it is made, always as many. A place of the result
that differs from the base in exactly the drawings of one word is changed by that change alone: with
another one it would differ in more of them (constant-weight codes are free of unions of each other).
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from itertools import combinations, count
from math import comb
from typing import Any, TypeVar

Change = TypeVar("Change", bound=Hashable)
Word = frozenset[int]


def words(number: int) -> tuple[int, list[Word]]:
    """How many drawings `number` changes need, and a code word for each."""
    drawings = next(size for size in count(2) if comb(size, size // 2) >= number)
    return drawings, [frozenset(word) for word, _ in zip(combinations(range(drawings), drawings // 2), range(number), strict=False)]


def effective(changes: Sequence[Change], base: Any, draw: Callable[[Sequence[Change]], Any]) -> set[Change]:
    """The changes that are seen to change the base by themselves; of the others nothing is known.

    `draw` gives the result of several changes at once, of the base's form.
    """
    drawings, code = words(len(changes))
    chosen = [[change for change, word in zip(changes, code, strict=True) if index in word] for index in range(drawings)]
    before = dict(places(base))
    seen: dict[tuple[Any, ...], set[int]] = {}
    for index, together in enumerate(chosen):
        after = dict(places(draw(together)))
        for place in before.keys() | after.keys():
            if before.get(place) != after.get(place):
                seen.setdefault(place, set()).add(index)
    patterns = {frozenset(found) for found in seen.values()}
    return {change for change, word in zip(changes, code, strict=True) if word in patterns}


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every leaf of a document with its place, and the keys and the length of every branch."""
    if isinstance(value, Mapping):
        yield (*at, ...), sorted(value)
        for key, item in value.items():
            yield from places(item, (*at, key))
    elif isinstance(value, list | tuple):
        yield (*at, ...), len(value)
        for index, item in enumerate(value):
            yield from places(item, (*at, index))
    else:
        yield at, value
