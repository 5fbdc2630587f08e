"""The offline reader: scalars end where the engine's journey ends, and what cannot be made to agree is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.spec import Secret
from infra.reading.stackfile import KEY, engine_text, read, scan, stack_of
from infra.reading.yaml12 import BROKEN, Unclear, load, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("0", 0),
        ("010", 8),
        ("0o10", 8),
        ("09", 9),
        ("0x1F", 31),
        ("0b11", 3),
        ("-0x1f", -31),
        ("+5", 5),
        ("1_000", 1000),
        ("1_0.5", 10.5),
        ("1.0", 1),
        ("1e3", 1000),
        (".5", 0.5),
        ("5.", 5),
        ("-", "-"),
        ("1e21", 1e21),
        ("1.2.3", "1.2.3"),
        ("10:30", "10:30"),
        ("2026-11", "2026-11"),
        ("12ab", "12ab"),
        ("+.nan", "+.nan"),
        ("0x", "0x"),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_plain_scalar_is_what_the_engine_makes_of_it(text: str, value: Any) -> None:
    found = resolve(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    "text", [".nan", "-.inf", "2026-11-24", "2026-11-24T10:00:00Z", "<<", "9223372036854775808", "1e309", "0b12", "0o9", ".5_0"]
)
def test_what_readers_do_not_agree_on_is_refused(text: str) -> None:
    with pytest.raises(Unclear):
        resolve(text)


@settings(deadline=None)
@given(st.text(alphabet="0123456789+-._eExobnaif~tTrueNl:<", max_size=12))
def test_no_scalar_crashes_and_json_can_carry_each(text: str) -> None:
    try:
        value = resolve(text)
    except Unclear:
        return
    assert value is None or isinstance(value, bool | str) or abs(value) < float("inf")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text("ab :#-'\"é😀", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-", min_size=1, max_size=4), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_what_another_writer_quotes_is_read_back(value: Any) -> None:
    document = load(yaml.safe_dump(value, default_style='"', allow_unicode=True) if isinstance(value, str) else yaml.safe_dump(value))
    assert document.refusals == []
    assert document.value == value


def stack_file(tmp_path: Path, body: str, head: str = "config:\n  groundwork:platform:\n") -> Path:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(head + body, encoding="utf-8")
    return path


def test_secure_leaves_become_secrets_that_show_nothing(tmp_path: Path) -> None:
    file = read(stack_file(tmp_path, '    a: [{secure: "v1:x"}]\n    b: {secure: {c: 1}, d: 2}\n'.replace("{c: 1}, d: 2", "other")))
    assert file.secure_paths == {(KEY, "a", 0), (KEY, "b")}
    secret = file.config[KEY]["a"][0]
    assert secret == Secret("v1:x", encrypted=True)
    assert "v1" not in repr(file) + str(secret)


def test_keys_are_namespaced_and_sorted_as_the_engine_has_them(tmp_path: Path) -> None:
    file = read(stack_file(tmp_path, "    b: 1\n    a: {z: 1, y: 2}\n", "config:\n  platform:\n"))
    assert list(file.config) == [KEY]
    assert engine_text(file.config[KEY]) == '{"a":{"y":2,"z":1},"b":1}'


def test_lines_are_known_for_every_path(tmp_path: Path) -> None:
    file = read(stack_file(tmp_path, "    a:\n      - x\n      - b: 1\n"))
    assert file.lines[(KEY, "a")] == 3
    assert file.lines[(KEY, "a", 1, "b")] == 5


def test_a_byte_order_mark_and_windows_line_ends_are_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_bytes("\ufeffconfig:\r\n  groundwork:platform: {a: b}\r\n".encode())
    assert read(path).config == {KEY: {"a": "b"}}


def test_what_was_refused_leaves_a_mark_and_the_rest_is_read(tmp_path: Path) -> None:
    file = scan(stack_file(tmp_path, "    a: &x 1\n    b: *x\n    c: !t 2\n    d: 3\n"))
    assert [fault.path for fault in file.refused] == ["a", "b", "c"]
    assert file.config[KEY] == {"a": 1, "b": BROKEN, "c": BROKEN, "d": 3}


def test_an_environment_of_pulumi_cloud_is_refused(tmp_path: Path) -> None:
    file = scan(stack_file(tmp_path, "    a: 1\nenvironment:\n  - prod\n"))
    assert [fault.path for fault in file.refused] == ["environment"]


@pytest.mark.parametrize(("name", "stack"), [("Pulumi.dev.yaml", "dev"), ("Pulumi.eu-west.yml", "eu-west"), ("probe.yaml", "probe")])
def test_the_stack_is_named_by_its_file(name: str, stack: str) -> None:
    assert stack_of(Path(name)) == stack
