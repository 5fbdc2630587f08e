"""The engine's state files without the engine: what is whole, what is not, and which copy is taken."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rehearsal import checkpoint, engine_lock
from rehearsal.checkpoint import Damaged
from rehearsal.folders import user_folder, write_whole

VPC = {"urn": "urn:pulumi:dev::toy::aws:ec2/vpc:Vpc::vpc", "type": "aws:ec2/vpc:Vpc", "custom": True, "id": "vpc-1"}


def state(*resources: Any, pending: Any = ()) -> str:
    latest = {"resources": list(resources), "pending_operations": list(pending)}
    return json.dumps({"version": 3, "checkpoint": {"stack": "dev", "latest": latest}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".pulumi" / "stacks" / "toy" / "dev.json"
    path.parent.mkdir(parents=True)
    path.write_text(state(VPC, pending=[{"resource": {**VPC, "id": ""}, "type": "creating"}]))
    return path


def test_a_whole_file_tells_resources_and_pending_operations(file: Path, tmp_path: Path) -> None:
    assert checkpoint.place(tmp_path, "dev") == file
    found = checkpoint.read(file)
    assert [row["id"] for row in found.resources] == ["vpc-1"]
    assert [(row.operation, row.urn) for row in found.pending] == [("creating", VPC["urn"])]


@pytest.mark.parametrize("cut", [0, 1, 40, 200])
def test_a_file_that_was_cut_off_is_damaged(file: Path, cut: int) -> None:
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(Damaged, match="cut off"):
        checkpoint.read(file)


@pytest.mark.parametrize("text", ["[]", "{}", '{"version": 4, "checkpoint": {}}', state({"urn": "x"}), "\0" * 50, "[" * 100_000])
def test_what_is_no_state_file_is_damaged(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Damaged):
        checkpoint.read(file)


def test_the_newest_whole_copy_is_put_in_place(file: Path) -> None:
    history = file.parents[2] / "history" / "toy" / "dev"
    history.mkdir(parents=True)
    for age, name in enumerate(["dev-2.checkpoint.json", "dev-1.checkpoint.json"]):
        (history / name).write_text(state({**VPC, "id": name}))
        os.utime(history / name, (1_000 - age, 1_000 - age))
    backup = file.with_name("dev.json.bak")
    backup.write_text(state(VPC))
    file.write_text("{")
    assert [copy.name for copy in checkpoint.copies(file)] == ["dev.json.bak", "dev-2.checkpoint.json", "dev-1.checkpoint.json"]
    backup.write_text("{")
    kept = checkpoint.restore(file, next(checkpoint.copies(file)))
    assert [row["id"] for row in checkpoint.read(file).resources] == ["dev-2.checkpoint.json"]
    assert kept is not None
    assert kept.read_text() == "{"


def test_a_removed_stack_is_not_missed_and_a_lost_file_is(file: Path, tmp_path: Path) -> None:
    file.rename(file.with_name("dev.json.bak"))
    assert checkpoint.place(tmp_path, "dev") == file
    assert not checkpoint.never_used(file)
    with pytest.raises(Damaged, match=r"dev\.json\.bak is there"):
        checkpoint.read(file)
    file.with_name("dev.json.bak").write_text(state())
    assert checkpoint.never_used(file)


def lock(backend: Path, content: str) -> Path:
    path = backend / ".pulumi" / "locks" / "organization" / "toy" / "dev" / "1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def held(pid: int) -> str:
    return json.dumps({"pid": pid, "username": "x", "hostname": os.uname().nodename, "timestamp": "2026-01-01T00:00:00Z"})


def test_the_lock_of_a_dead_engine_is_removed_and_told(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    path = lock(tmp_path, held(dead.pid))
    (said,) = engine_lock.clear(tmp_path, "dev", wait=0)
    assert str(dead.pid) in said
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    ["", '{"pid": ', "[]", held(os.getpid())],
    ids=["empty", "cut off", "not a lock", "another process"],
)
def test_a_lock_that_no_engine_of_this_stage_holds_is_removed(tmp_path: Path, content: str) -> None:
    path = lock(tmp_path, content)
    assert engine_lock.clear(tmp_path, "dev", wait=0)
    assert not path.exists()


def test_the_lock_of_a_living_engine_stays(tmp_path: Path) -> None:
    engine = subprocess.Popen(["sleep", "30"], env={**os.environ, "PULUMI_BACKEND_URL": tmp_path.as_uri()})
    try:
        path = lock(tmp_path, held(engine.pid))
        with pytest.raises(engine_lock.EngineRuns, match=str(engine.pid)):
            engine_lock.clear(tmp_path, "dev", wait=0.3)
        assert path.exists()
    finally:
        engine.kill()
        engine.wait()


@pytest.mark.parametrize("value", ["", ".", "state", "../state"])
def test_a_relative_user_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", value)
    assert user_folder("XDG_STATE_HOME", ".local/state") == Path.home() / ".local/state"
    monkeypatch.setenv("XDG_STATE_HOME", "/srv/state")
    assert user_folder("XDG_STATE_HOME", ".local/state") == Path("/srv/state")


def test_a_file_that_finds_no_room_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "before")
    program = (
        "import resource, sys; from pathlib import Path; from rehearsal.folders import write_whole\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (4096, {resource.RLIM_INFINITY}))\n"
        "write_whole(Path(sys.argv[1]), b'x' * 10_000)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert "OSError" in done.stderr
    assert path.read_text() == "before"
    assert [left.name for left in tmp_path.iterdir()] == ["file"]
