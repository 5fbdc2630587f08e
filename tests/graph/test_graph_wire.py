"""Values survive the engine's protocol, secrets and unknowns included."""

import copy
import pickle
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from graph import wire
from graph.model import UNKNOWN, SecretValue

plain = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32) | st.text(max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    plain | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3) | inner.map(SecretValue),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=4), values, max_size=4))
def test_what_is_sent_is_what_was_meant(properties: dict[str, Any]) -> None:
    assert wire.from_struct(wire.to_struct(properties)) == properties


def test_whole_numbers_come_back_as_integers_and_nothing_as_absent() -> None:
    struct = wire.to_struct({"whole": 3.0, "part": 0.5, "yes": True, "none": None, "items": [1.0]})
    found = wire.from_struct(struct)
    assert found == {"whole": 3, "part": 0.5, "yes": True, "items": [1]}
    assert [type(found["whole"]), type(found["items"][0]), type(found["yes"])] == [int, int, bool]


def test_an_unknown_is_found_wherever_it_stands() -> None:
    for value in (UNKNOWN, [UNKNOWN], {"a": {"b": [UNKNOWN]}}, SecretValue({"a": UNKNOWN})):
        assert wire.contains_unknown(value)
    known: list[Any] = ["text", 0, [], {"a": [SecretValue("b")]}, None]
    assert not any(map(wire.contains_unknown, known))


def test_what_engine_and_bridge_keep_for_themselves_is_stripped_at_any_depth() -> None:
    kept = {"a": 1, "rules": [{"days": 2}]}
    assert wire.without_internal({"__internal": {}, "a": 1, "rules": [{"__defaults": ["days"], "days": 2}], "__meta": "{}"}) == kept


def test_the_unknown_stays_one_when_it_is_copied() -> None:
    assert pickle.loads(pickle.dumps({"a": UNKNOWN}))["a"] is UNKNOWN
    assert copy.deepcopy([UNKNOWN])[0] is UNKNOWN
