"""A stage survives: killed engines, killed hosts, killed rehearsals, signals, cut-off files, empty clouds, closed pipes, full disks."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.rehearsal.toy import UP, Toy, below, gone, one

pytestmark = pytest.mark.engine


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """One that is up; whoever uses it leaves it up."""
    toy = Toy(tmp_path_factory.mktemp("up"))
    toy(*UP)
    return toy


def test_after_a_killed_engine_one_command_brings_the_stage_in_order(toy: Toy) -> None:
    process = toy.slow_up("up", "--no-packs", "--faults", "slow.yaml")
    processes = below(process.pid)
    os.kill(one(processes, "bin/pulumi up"), signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the engine ended before it had told what it did" in out
    assert "groundwork rehearse recover --stack dev" in out
    assert gone(processes)
    assert toy.pending() == ["creating"]
    for action in ("preview", "destroy"):
        refused = toy(action, code=1)
        assert "creating urn:pulumi:dev::toy::aws:ec2/vpc:Vpc::vpc" in refused.stderr
        assert "groundwork rehearse recover --stack dev" in refused.stderr
        assert "pulumi cancel" not in refused.stdout + refused.stderr
    assert "was not created" in toy("recover").stdout
    assert toy.pending() == []
    toy(*UP)
    assert toy.ids() == ["Subnet", "Vpc"]
    assert "nothing to recover" in toy("recover").stdout


def test_a_killed_language_host_ends_the_engine_and_the_program(toy: Toy) -> None:
    process = toy.slow_up()
    processes = below(process.pid)
    os.kill(one(processes, "-m rehearsal.language_host"), signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode > 0
    assert gone(processes)


def test_a_killed_rehearsal_leaves_no_process_and_a_stage_that_recovers(toy: Toy) -> None:
    process = toy.slow_up()
    processes = below(process.pid)
    assert len(processes) >= 4
    process.kill()
    process.communicate()
    assert gone(processes)
    said = toy("recover").stdout
    assert "stale" in said
    assert toy.pending() == []
    toy(*UP)
    assert toy.ids() == ["Subnet", "Vpc"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129)])
def test_a_signal_ends_it_in_order(toy: Toy, number: signal.Signals, code: int) -> None:
    process = toy.slow_up("up", "--no-packs", "--faults", "slow.yaml")
    processes = below(process.pid)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == code, out
    assert f"stopped by {number.name}" in out
    assert gone(processes)
    assert toy.pending() == []
    assert not [*toy.stage.glob("backend/.pulumi/locks/*/*/*/*.json")]


def test_signals_in_the_first_seconds_do_not_wedge_the_stage(toy: Toy) -> None:
    for number, wait in ((signal.SIGTERM, 0.6), (signal.SIGINT, 1.2), (signal.SIGHUP, 1.8)):
        process = toy.start("refresh")
        time.sleep(wait)
        process.send_signal(number)
        process.communicate(timeout=60)
    toy(*UP)
    assert toy.ids() == ["Subnet", "Vpc"]


def test_a_start_that_was_broken_off_after_the_stack_was_made_is_begun_anew(toy: Toy) -> None:
    toy("exec", "--", "pulumi", "stack", "--show-name")
    (toy.stage / "seal.json").unlink()
    assert toy("exec", "--", "pulumi", "stack", "--show-name").stdout.strip() == "dev"


def test_a_state_file_that_was_cut_off_is_restored_from_its_copy(up: Toy) -> None:
    whole = up.state_file.read_bytes()
    up.state_file.write_bytes(whole[:700])
    for action in (("preview",), ("destroy",), ("exec", "--", "pulumi", "stack")):
        refused = up(*action, code=1)
        assert "is damaged" in refused.stderr
        assert "dev.json.bak" in refused.stderr
        assert "groundwork rehearse recover --stack dev" in refused.stderr
    assert "has been restored from dev.json.bak" in up("recover").stdout
    up(*UP)
    assert up.ids() == ["Subnet", "Vpc"]


def test_a_sidecar_that_was_cut_off_stops_no_command(up: Toy) -> None:
    up.state_file.with_name("dev.json.attrs").write_text("")
    up("exec", "--", "pulumi", "stack", "export")
    assert not [*up.stage.rglob("*.attrs")]


def test_clouds_that_hold_nothing_of_the_state_are_told(up: Toy) -> None:
    for file in up.stage.glob("clouds.sqlite*"):
        file.unlink()
    refused = up("up", "--no-packs", code=1)
    assert "the clouds hold nothing of the 2 objects in the state" in refused.stderr
    assert "it is empty now" in up("recover").stdout
    up(*UP)
    assert up.ids() == ["Subnet", "Vpc"]


def test_a_reader_that_goes_away_does_not_stop_a_refresh(up: Toy) -> None:
    process = up.start("refresh")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=120) == 0
    assert process.stderr is not None
    process.stderr.close()
    assert not [*up.stage.glob("backend/.pulumi/locks/*/*/*/*.json")]


def test_what_a_lost_answer_leaves_is_told_by_the_next_up_and_removed_on_demand(toy: Toy) -> None:
    (toy.project / "lost.yaml").write_text(
        'faults:\n- {operation: create, type: "aws:ec2/vpc:Vpc", message: connection reset, when: after}\n'
    )
    first = toy("up", "--no-packs", "--faults", "lost.yaml", code=1)
    assert "left behind: aws:ec2/vpc:Vpc vpc-" in first.stdout
    second = toy("up", "--no-packs", code=1)
    assert toy.ids() == ["Subnet", "Vpc", "Vpc"]
    assert "left behind: aws:ec2/vpc:Vpc vpc-" in second.stdout
    assert "was in the cloud and in no state" in toy("recover").stdout
    assert toy.ids() == ["Subnet", "Vpc"]


def test_a_disk_that_is_full_loses_no_state(toy: Toy) -> None:
    """A limit on the size of files stands for it: the engine leaves a state file that ends where the room did."""
    program = toy.project / "infra" / "__main__.py"
    program.write_text(f'{program.read_text()}pulumi.export("big", pulumi.Output.all(vpc.id).apply(lambda _: "x" * 600_000))\n')
    full = toy("up", "--no-packs", code=1, FILE_LIMIT="300000").stdout
    assert "nothing to do" not in full
    assert "the clouds carried out: 2 create" in full
    assert "groundwork rehearse recover --stack dev" in full
    assert toy.state_file.stat().st_size == 300_000
    refused = toy("preview", "--no-packs", code=1).stderr
    assert f"{toy.state_file} is cut off" in refused
    assert "recover --stack dev restores it from" in refused
    assert "has been restored from" in toy("recover").stdout
    toy(*UP)
    assert toy.ids() == ["Subnet", "Vpc"]
