"""The encoding of property values against the SDK's own."""

from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from graph.model import UNKNOWN, SecretValue
from rehearsal import wire

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8).filter(lambda text: text != wire.UNKNOWN_TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5).filter(lambda key: key != wire.SIGNATURE), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != wire.SIGNATURE), PLAIN | PLAIN.map(SecretValue), max_size=4))
def test_what_is_encoded_is_decoded(properties: dict[str, Any]) -> None:
    assert wire.decode(wire.encode(properties)) == properties


def test_signatures_are_the_sdks_own() -> None:
    assert (wire.SIGNATURE, wire.SECRET, wire.UNKNOWN_TEXT) == (rpc._special_sig_key, rpc._special_secret_sig, rpc.UNKNOWN)
    assert wire.OUTPUT == rpc._special_output_value_sig


def test_unknowns_and_secrets_are_told_apart_from_values() -> None:
    struct = wire.encode({"a": UNKNOWN, "b": SecretValue({"c": UNKNOWN}), "n": 1.5})
    sent = json_format.MessageToDict(struct)
    assert sent["a"] == rpc.UNKNOWN
    assert rpc.is_rpc_secret(sent["b"])
    found = wire.decode(struct)
    assert found["a"] is UNKNOWN
    assert found["b"].value["c"] is UNKNOWN
    assert found["n"] == 1.5


def test_output_values_are_read() -> None:
    struct = wire.encode({"a": {wire.SIGNATURE: wire.OUTPUT, "value": "x", "secret": True}, "b": {wire.SIGNATURE: wire.OUTPUT}})
    assert wire.decode(struct) == {"a": SecretValue("x"), "b": UNKNOWN}


def test_configuration_reads_json_texts_and_opens_secrets() -> None:
    sent = wire.encode({"allowedAccountIds": '["1"]', "region": "us-west-2", "flag": "true", "kubeconfig": SecretValue("a: b"), "odd": "[x"})
    assert wire.configuration(sent) == {"allowedAccountIds": ["1"], "region": "us-west-2", "flag": True, "kubeconfig": "a: b", "odd": "[x"}


@pytest.mark.parametrize(
    ("path", "found"),
    [("a", [1]), ("b.c", [2, 3]), ("b[*].c", [2, 3]), ("d", ["x", "y"]), ("e.f", [4]), ("none.of", []), ("d.x", [])],
)
def test_values_at_a_path(path: str, found: list[Any]) -> None:
    value = {"a": 1, "b": [{"c": 2}, {"c": 3}], "d": ["x", "y"], "e": SecretValue({"f": 4})}
    assert wire.at(value, path) == found


def test_changed_paths_name_leaves() -> None:
    old = {"same": 1, "list": [{"a": 1}, {"a": 2}], "gone": True, "secret": SecretValue("s")}
    new = {"same": 1, "list": [{"a": 1}, {"a": 3}], "new": None, "secret": "s"}
    assert wire.changed_paths(old, new) == ["list[1].a", "gone", "new"]
