"""Files of a stage and of the cache that were cut off, without the engine: they are made again, or told with what mends them."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from rehearsal.control_plane import crds
from rehearsal.control_plane.crds import CrdSet, fingerprint
from rehearsal.control_plane.prepared import copied
from rehearsal.control_plane.server import ApiServer
from rehearsal.golang import MAKING, workshop
from rehearsal.mending import META, StageFailed, put_in_order
from rehearsal.staged_file import StagedFile


def test_the_note_of_the_backends_format_is_written_anew_and_nothing_is_made_of_none(tmp_path: Path) -> None:
    assert put_in_order(tmp_path, "dev", mend=False) == []
    assert not (tmp_path / ".pulumi").exists()
    meta = tmp_path / ".pulumi" / "meta.yaml"
    meta.parent.mkdir()
    meta.write_text("vers")
    assert put_in_order(tmp_path, "dev", mend=False) == [f"{meta} was damaged and has been written anew"]
    assert meta.read_text() == META
    assert put_in_order(tmp_path, "dev", mend=False) == []


@pytest.mark.parametrize("text", ["", "{", '{"seed": "x"}', "[]"])
def test_a_seal_that_is_cut_off_is_told_when_it_is_needed(tmp_path: Path, text: str) -> None:
    original = tmp_path / "Pulumi.dev.yaml"
    original.write_text("config: {}\n")
    (tmp_path / "seal.json").write_text(text)
    file = StagedFile("dev", original, tmp_path / "staged.yaml", tmp_path, lambda *_, **__: pytest.fail("nothing to run"))
    with pytest.raises(StageFailed, match=r"seal\.json is cut off.*groundwork rehearse reset --stack dev"):
        file.update()


def test_a_copy_of_a_seed_that_was_broken_off_is_made_again(tmp_path: Path) -> None:
    seed, here = tmp_path / "seed", tmp_path / "here"
    (seed / "etcd" / "member").mkdir(parents=True)
    (seed / "etcd" / "member" / "db").write_text("whole")
    (seed / "accounts.key").write_text("key")
    (here / ".etcd-copied").mkdir(parents=True)
    (here / ".etcd-copied" / "db").write_text("ha")
    copied(seed, here)
    assert sorted(str(path.relative_to(here)) for path in here.rglob("*") if path.is_file()) == ["accounts.key", "etcd/member/db"]


@pytest.mark.parametrize("name", ["ca.pem", "server.key", "server.pem", "accounts.key", "port", "token", "tokens.csv"])
def test_credentials_of_an_api_server_that_are_cut_off_are_made_again(tmp_path: Path, name: str) -> None:
    ApiServer(tmp_path, {}, "t0")._write_credentials()
    (tmp_path / name).write_bytes(b"")
    again = ApiServer(tmp_path, {}, "t0")
    again._write_credentials()
    assert (tmp_path / name).stat().st_size
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert again.port


def test_definitions_that_are_cut_off_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(crds, "_definitions", lambda row: iter([{"kind": "CustomResourceDefinition"}]))
    row = CrdSet("keda", "m", "v1", ())
    (read,) = crds.definitions([row], lambda _: None)
    (path,) = tmp_path.rglob(f"keda-{fingerprint([row])}.json")
    path.write_text("[{")
    assert crds.definitions([row], lambda _: None) == [read]
    assert json.loads(path.read_text()) == [read]


def test_what_a_killed_process_left_half_made_in_the_cache_goes(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    host = socket.gethostname()
    names = [f".making-{pid}-{place}-x1_" for pid in (ended.pid, os.getpid()) for place in (host, f"{host}-2")]
    for name in [*names, ".making-old", "etcd-3"]:
        (tmp_path / name).mkdir()
    with workshop(tmp_path) as made:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], ".making-old", "etcd-3", made.name])
        assert MAKING.fullmatch(made.name)
    assert not made.exists()
