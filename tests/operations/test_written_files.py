"""No command overwrites or removes what it did not write itself, and what cannot be written is told as such."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from graph.exporters.kubernetes import export_manifests
from graph.exporters.written import NotOurs, origin, sealed, sealed_below, sealed_json
from graph.model import Graph, Resource
from operations.cli import cli

ROOT = Path(__file__).parents[2]
STACK = ["--stack", "onprem"]


def config_map(name: str) -> Resource:
    token = "kubernetes:core/v1:ConfigMap"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}}
    return Resource(f"urn:pulumi:STACK::groundwork::{token}::{name}", token, name, True, "", body)


def graph(stack: str, *names: str) -> Graph:
    from dataclasses import replace

    found = [config_map(name) for name in names]
    return Graph("groundwork", stack, tuple(replace(one, urn=one.urn.replace("STACK", stack)) for one in found))


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_export_removes_what_an_earlier_one_of_the_same_stack_left_and_nothing_else(tmp_path: Path) -> None:
    export_manifests(graph("one", "a", "b"), tmp_path)
    export_manifests(graph("two", "c"), tmp_path)
    export_manifests(graph("two", "c"), tmp_path / "below")
    (tmp_path / "mine.yaml").write_text("# groundwork: urn:pulumi:one::groundwork::x\na: 1\n")
    changed = tmp_path / "configmap.b.yaml"
    changed.write_text(changed.read_text() + "# a note\n")
    export_manifests(graph("one", "d"), tmp_path)
    assert names(tmp_path) == ["below/configmap.c.yaml", "configmap.b.yaml", "configmap.c.yaml", "configmap.d.yaml", "mine.yaml"]


@pytest.mark.parametrize("there", ["another stack's", "changed", "a person's", "a link", "a folder", "a link to a folder"])
def test_an_export_overwrites_nothing_else_and_writes_nothing_at_all_then(tmp_path: Path, there: str) -> None:
    target, elsewhere = tmp_path / "out" / "configmap.b.yaml", tmp_path / "elsewhere.yaml"
    target.parent.mkdir()
    elsewhere.write_text("mine")
    if there == "another stack's":
        export_manifests(graph("two", "b"), target.parent)
    elif there == "changed":
        export_manifests(graph("one", "b"), target.parent)
        target.write_text(target.read_text().replace("1", "2"))
    elif there == "a person's":
        target.write_text("mine")
    elif there == "a link":
        target.symlink_to(elsewhere)
    elif there == "a folder":
        target.mkdir()
    else:
        target.parent.rmdir()
        export_manifests(graph("one", "b"), tmp_path / "real")
        (tmp_path / "real" / "configmap.b.yaml").write_text("mine")
        target.parent.symlink_to(tmp_path / "real")
    before = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(NotOurs, match=r"configmap\.b\.yaml"):
        export_manifests(graph("one", "a", "b"), target.parent)
    assert {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_second_export_over_the_first_is_the_same(tmp_path: Path) -> None:
    first = {path: path.read_bytes() for path in export_manifests(graph("one", "a"), tmp_path)}
    assert {path: path.read_bytes() for path in export_manifests(graph("one", "a"), tmp_path)} == first


def test_seals_hold_only_what_was_sealed() -> None:
    for text in (sealed("x", "a\nb\n"), sealed_below("x", "a\nb\n"), sealed_json("x", {"b": [1, None, "é"]}, indent=2)):
        assert origin(text) == "x"
        assert origin(text.replace("b", "c")) is None
        assert origin(text + "more\n") is None
    assert [origin(text) for text in ("", "\n", "{", "[]", "{}", '{"groundwork": 1}', "# groundwork: x\n")] == [None] * 7


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.mark.parametrize("command", [["export", "terraform-plan", "FILE"], ["review", "--format", "json", "--out", "FOLDER"]])
def test_a_single_file_is_overwritten_by_its_own_command_alone(tmp_path: Path, command: list[str]) -> None:
    name = "review.json" if command[0] == "review" else "plan.json"
    words = [{"FILE": str(tmp_path / name), "FOLDER": str(tmp_path)}.get(word, word) for word in command]
    for _ in range(2):
        done = run(*words, *STACK)
        assert done.exit_code == 0, done.output
    json.loads((tmp_path / name).read_text())
    (tmp_path / name).write_text('{"mine": 1}')
    done = run(*words, *STACK)
    assert done.exit_code != 0
    assert "is there already" in done.output
    assert (tmp_path / name).read_text() == '{"mine": 1}'


@pytest.mark.parametrize("kind", ["below a file", "too long a name", "nul-like", "not writable"])
@pytest.mark.parametrize("command", [["export", "kubernetes"], ["export", "terraform-plan"], ["review", "--out"]])
def test_places_that_cannot_be_written_are_usage_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, command: list[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    place = {"below a file": "file/x/y", "too long a name": "a" * 300, "nul-like": "file/", "not writable": "locked/x"}[kind]
    if kind == "not writable":

        def refused(*_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied", str(tmp_path / "locked"))

        monkeypatch.setattr("tempfile.mkstemp", refused)
    done = run(*command, f"{tmp_path}/{place}", *STACK)
    assert done.exit_code == 2, (done.output, done.exception)  # click's own code of a usage error, which the command line turns into 3
    assert str(tmp_path) in done.output
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plan.json"
    assert run("export", "terraform-plan", str(file), *STACK).exit_code == 0
    before = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert run("export", "terraform-plan", str(file), *STACK).exit_code == 2
    assert file.read_bytes() == before
    assert names(tmp_path) == ["plan.json"]
