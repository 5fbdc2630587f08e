"""Kubernetes objects that the stand-in made are not handed to the real provider, which knows nothing of them, nor the other way round."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from operations import rehearse as commands
from rehearsal.keeper import PROVIDER, STAND_IN, demand, keeper
from rehearsal.mending import StageFailed
from rehearsal.servers import start
from rehearsal.store import Store

SERVICE = {"urn": "urn:pulumi:x::p::kubernetes:core/v1:Service::s", "type": "kubernetes:core/v1:Service", "custom": True, "id": "a/s"}


def states(backend: Path, *resources: object) -> None:
    """Let the engine's backend hold a stack with these resources."""
    path = backend / ".pulumi" / "stacks" / "p" / "x.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))


@pytest.mark.parametrize(("before", "way", "now"), [(STAND_IN, "without", PROVIDER), (PROVIDER, "with", STAND_IN)])
def test_the_keeper_of_objects_is_not_exchanged(tmp_path: Path, before: str, way: str, now: str) -> None:
    store, backend = tmp_path / "clouds.sqlite", tmp_path / "backend"
    demand(store, backend, now)
    states(backend)
    demand(store, backend, before)
    states(backend, SERVICE)
    with pytest.raises(StageFailed, match=f"were made {way} --cluster, and {now} would know nothing of them: go on {way} --cluster"):
        demand(store, backend, now)
    assert keeper(store) == before
    demand(store, backend, before)
    demand(store, backend, "")
    states(backend)
    demand(store, backend, now)
    assert keeper(store) == now


def test_a_keeper_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    store = tmp_path / "clouds.sqlite"
    with Store(store) as opened, opened.transaction() as txn:
        txn.remember("keeper:kubernetes", "a real API server")
    states(tmp_path, SERVICE)
    with pytest.raises(StageFailed, match="of an earlier version of groundwork: reset the stage"):
        demand(store, tmp_path, STAND_IN)


def test_a_store_that_cannot_be_read_has_no_keeper(tmp_path: Path) -> None:
    store = tmp_path / "clouds.sqlite"
    assert keeper(store) == ""
    store.write_text("no database at all, and longer than the header of one is")
    assert keeper(store) == ""


def test_the_stand_in_says_that_it_is_one(tmp_path: Path) -> None:
    with start(tmp_path / "clouds.sqlite") as running:
        assert running.keeper == STAND_IN


@pytest.mark.parametrize("command", [["exec", "--", "pulumi", "stack"], ["recover"], ["unprotect"]])
def test_a_command_without_the_choice_goes_on_as_before(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no --cluster; after `up --cluster` they work with the real provider by themselves."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(commands, "keeper", lambda store: PROVIDER)
    asked = []

    def real_provider(*_: object) -> None:
        asked.append(command)
        raise StageFailed("enough")

    monkeypatch.setattr(commands, "real_provider", real_provider)
    name, *rest = command
    assert CliRunner().invoke(commands.rehearse, [name, "--stack", "dev", *rest], standalone_mode=False).return_value == 1
    assert asked == [command]
