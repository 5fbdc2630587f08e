"""YAML that readers of 1.1 and 1.2 read alike: every text comes back as the same text."""

from typing import Any

import pytest
import yaml

from graph.exporters.yaml_text import dump
from infra.reading.yaml12 import load
from operations.stack_edit import scalar

WORDS = """
y n Y N yes no on off Yes NO On OFF true False null NULL ~ << = - ? : | > % @ ` ! & * # , [ ] { }
0 1 -1 +1 1.5 .5 5. 1e3 1E3 1e+3 1_000 0o17 0O17 017 0x1F 0b101 09 1:30 1:2:3 190:20:30.15 .inf -.INF .nan 1.2.3 1__0 _1 0_ 1e 1.e2
2026-11-30 2026-1-2 2026-02-30 2026-11-30T10:00:00Z 2026-11-30t10:00:00-05:00 --- ... ' " \\
"""
DATES = ["2026-11-30 10:00:00", "2026-11-30 10:00:00 Z"]
SPACES = ["", " ", "a ", " a", "a\nb", "\na", "a\n", "a\n\n", "a: b", "a #b", "\t", "a\tb"]
SIGNS = ["é😀", "\u2028", "\x85", "\ufeff", "\x00"]
EVERY = [*WORDS.split(), *DATES, *SPACES, *SIGNS]


class _Eleven(yaml.SafeLoader):
    """YAML 1.1 whole: PyYAML leaves out y and n."""


_Eleven.add_implicit_resolver("tag:yaml.org,2002:bool", __import__("re").compile(r"^(?:y|n|Y|N)$"), list("yYnN"))


def _built(loader: yaml.SafeLoader, node: yaml.Node) -> bool:
    return str(node.value).lower() in ("y", "yes", "on", "true")


_Eleven.add_constructor("tag:yaml.org,2002:bool", _built)


def document() -> dict[str, Any]:
    return {"values": EVERY, "keys": {text: text for text in EVERY}, "deep": [{text: [text]} for text in EVERY]}


@pytest.mark.parametrize("loader", [yaml.SafeLoader, _Eleven], ids=["PyYAML", "YAML 1.1"])
def test_every_text_comes_back_from_a_reader_of_1_1(loader: type[yaml.SafeLoader]) -> None:
    assert yaml.load(dump(document()), Loader=loader) == document()


def test_every_text_comes_back_from_a_reader_of_1_2() -> None:
    for text in EVERY:
        found = load(dump({"a": [text], "b": {text: text}}))
        refused = [one.message for one in found.refusals]
        assert found.value == {"a": [text], "b": {text: text}} or any("line break" in why or "merge keys" in why for why in refused), (
            text,
            refused,
        )


@pytest.mark.parametrize("text", EVERY)
def test_edits_of_stack_files_are_quoted_alike(text: str) -> None:
    assert yaml.load(f"a: {scalar(text)}", Loader=_Eleven) == {"a": text}
