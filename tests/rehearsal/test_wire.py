"""Property values as a provider reads them."""

from typing import Any

import pytest

from graph.model import SecretValue
from rehearsal import wire


def test_configuration_reads_json_texts_and_opens_secrets() -> None:
    sent = wire.encode(
        {"allowedAccountIds": '["1"]', "region": "us-west-2", "flag": "true", "kubeconfig": SecretValue("a: b"), "odd": "[x"}
    )
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
