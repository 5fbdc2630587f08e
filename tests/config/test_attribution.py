"""Group testing tells which of many changes have an effect, and never credits one that has none."""

import random
from collections.abc import Sequence

from tests.config.attribution import effective, words


def test_words_are_different_and_of_one_weight() -> None:
    for number in (1, 2, 7, 70, 113):
        drawings, code = words(number)
        assert len(set(code)) == number
        assert {len(word) for word in code} == {drawings // 2}
    assert words(113)[0] == 9


def test_only_changes_with_an_effect_are_credited() -> None:
    for seed in range(60):
        chance = random.Random(seed)
        changes = list(range(chance.randint(1, 40)))
        reads = {place: chance.sample(changes, chance.randint(0, min(3, len(changes)))) for place in range(50)}

        def draw(made: Sequence[int], reads: dict[int, list[int]] = reads) -> dict[int, object]:
            return {place: [change in made for change in read] or "idle" for place, read in reads.items()}

        found = effective(changes, draw([]), draw)
        assert found <= {change for read in reads.values() for change in read}
        assert found >= {read[0] for read in reads.values() if len(read) == 1}


def test_what_comes_and_goes_is_an_effect() -> None:
    assert effective(
        ["more", "less", "idle"],
        {"b": {"c": 1}},
        lambda made: {
            **({"a": 1} if "more" in made else {}),
            **({} if "less" in made else {"b": {"c": 1}}),
        },
    ) == {"more", "less"}
