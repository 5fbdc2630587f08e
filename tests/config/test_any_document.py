"""Whatever stands in a file, the loader ends with a platform or with faults: no rule and no validator crashes on half a model."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.spec import Reading, Secret
from infra.reading.faults import ConfigFaults, render
from infra.reading.validation import judge
from tests.config.fields import CONTEXTS, data, model

JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 7, 2**62, 0.5, -1e300, "", "x", "X", "a" * 300, "é😀", "\u202e", "</pre>", "../..", "0", "1", "null",
    "10.0.0.0/8", "10.0.0.0/33", "999.1.1.1/8", "::/0", "fe80::/10", "10.20.0.0/16", "0.0.0.0/0", "1GiB", "0GiB", "0d", "1ms",
    "999999999999d", "0.000001TiB", "0%", "100%", "101%", "us-west-2a", "usw2-az1", "arn:aws:iam::111122223333:role/x", "arn:::::",
    "models:/x/1", "http://[", "https://x:99999", "p5.48xlarge", "t2.nano", "inf2.xlarge", "h100", "vllm", "external", "aws", "onprem",
    [], {}, [[]], [{}], [None], ["x"] * 40, {"": 1}, {"x": {"x": {}}}, {"kind": "vllm"}, {"kind": "given"},
    Secret("CANARY", encrypted=True), [Secret("CANARY", encrypted=True)],
]  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, branches too."""
    if place:
        yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*place, index))


def damaged(document: Any, chance: random.Random) -> Any:
    """The document with a few places replaced, removed, repeated or added to."""
    result = copy.deepcopy(document)
    for _ in range(chance.randint(1, 6)):
        place = chance.choice(list(places(result)))
        holder = result
        for part in place[:-1]:
            holder = holder[part]
        action = chance.randrange(5)
        if action == 0:
            del holder[place[-1]]
        elif action == 1 and isinstance(holder, dict):
            holder[chance.choice(["x", "Max", "min", "kind", "", "a.b", "é"])] = copy.deepcopy(chance.choice(JUNK))
        elif action == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[place[-1]]))
        else:
            holder[place[-1]] = copy.deepcopy(chance.choice(JUNK))
        if not result:
            break
    return result


@pytest.mark.parametrize("context", CONTEXTS)
@settings(max_examples=120, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_document_never_crashes_the_loader(context: str, seed: int) -> None:
    document = damaged(data(context), random.Random(seed))
    platform, faults = judge(model(context), document, Reading())
    assert (platform is None) == bool(faults)
    text = render(ConfigFaults(faults))
    assert "CANARY" not in text
    assert all(line.isprintable() for line in text.split("\n"))
    assert len({(fault.path, fault.message) for fault in faults}) == len(faults)
