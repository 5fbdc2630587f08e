"""The reference stacks on the real engine against stand-in clouds, through the command line."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from rehearsal.stage import Stage
from rehearsal.store import Store
from tests.engine.conftest import ROOT, Command

pytestmark = pytest.mark.engine


def status() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def outcome(done: "subprocess.CompletedProcess[str]") -> dict[str, object]:
    found: dict[str, object] = json.loads(done.stdout)
    return found


def changes(done: "subprocess.CompletedProcess[str]") -> set[str]:
    return set(json.loads(done.stdout)["facts"]["changes"])


@pytest.mark.smoke
@pytest.mark.long
def test_dev_comes_up_stays_as_it_is_and_goes_without_a_trace(groundwork: Command) -> None:
    before = status()
    first = groundwork("up", "--stack", "dev", "--json")
    assert changes(first) == {"create"}
    assert outcome(first)["resources"] > 100  # type: ignore[operator]
    assert changes(groundwork("up", "--stack", "dev", "--json")) == {"same"}
    gone = groundwork("destroy", "--stack", "dev")
    assert "left behind" not in gone.stdout
    assert "written again by EKS" in gone.stdout
    with Store(Stage(ROOT, "dev").store) as store:
        assert store.empty
    assert status() == before


def test_dev_comes_up_and_goes_a_second_time(groundwork: Command) -> None:
    dev = ("--stack", "dev")
    for _ in range(2):
        made = groundwork("up", *dev, "--json")
        assert changes(made) == {"create"}
        assert changes(groundwork("refresh", *dev, "--json")) == {"same"}
        exported = json.loads(groundwork("exec", *dev, "--", "pulumi", "stack", "export").stdout)
        assert len(exported["deployment"]["resources"]) == outcome(made)["resources"] + 1  # type: ignore[operator]
        assert "left behind" not in groundwork("destroy", *dev).stdout


def test_onprem_comes_up_stays_as_it_is_and_goes_without_a_trace(groundwork: Command) -> None:
    assert changes(groundwork("up", "--stack", "onprem", "--json")) == {"create"}
    assert changes(groundwork("up", "--stack", "onprem", "--json")) == {"same"}
    groundwork("destroy", "--stack", "onprem")
    with Store(Stage(ROOT, "onprem").store) as store:
        assert store.empty


def test_prod_sealed_by_a_cloud_key_is_rehearsed_refuses_to_go_and_goes_when_told_how(groundwork: Command, tmp_path: Path) -> None:
    before = status()
    file = tmp_path / "Pulumi.prod.yaml"
    content = yaml.safe_load((ROOT / "Pulumi.prod.yaml").read_text())
    content |= {"secretsprovider": "awskms://alias/groundwork?region=us-west-2", "encryptedkey": "AQICAHg="}
    content["config"]["groundwork:platform"]["endpoints"]["chat"]["secrets"] = {"HF_TOKEN": {"secure": "v1:abc:def"}}
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    prod = ("--config", str(file))

    assert changes(groundwork("up", *prod, "--json")) == {"create"}
    assert changes(groundwork("up", *prod, "--json")) == {"same"}
    stage = Stage(ROOT, "prod", stack_file=file)
    (canary,) = stage.file.canaries().values()
    groundwork("exec", *prod, "--", "pulumi", "stack", "export", "--file", str(stage.root / "export.json"))
    files = [path for path in stage.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in files if canary.encode() in path.read_bytes()]

    with Store(stage.store) as store:
        held = store.objects()
    state = json.loads((stage.root / "export.json").read_text())["deployment"]["resources"]
    protected = {found["urn"] for found in state if found.get("protect")}
    refused = groundwork("destroy", *prod, code=2)
    assert protected
    assert all(urn in refused.stdout for urn in protected)
    with Store(stage.store) as store:
        assert store.objects() == held
    groundwork("unprotect", *prod)
    gone = groundwork("destroy", *prod)
    with Store(stage.store) as store:
        assert store.empty
        assert store.retained()
        assert all(kept.id in gone.stdout for kept in store.retained())
    assert status() == before


def test_a_configuration_that_cannot_be_used_is_refused_before_there_is_a_stage(groundwork: Command, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text((ROOT / "Pulumi.dev.yaml").read_text().replace("tier: nonproduction", "teir: nonproduction"))
    done = groundwork("up", "--config", str(file), code=3)
    assert "teir" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "state").exists()


def test_the_same_configuration_under_the_engine_is_one_error_and_registers_nothing(groundwork: Command, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text((ROOT / "Pulumi.dev.yaml").read_text().replace("tier: nonproduction", "teir: nonproduction"))
    done = groundwork("exec", "--config", str(file), "--", "pulumi", "up", "--yes", "--skip-preview", code=1)
    assert done.stdout.partition("Diagnostics:")[2].count("error:") == 1
    assert "teir" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    exported = json.loads(groundwork("exec", "--config", str(file), "--", "pulumi", "stack", "export").stdout)
    assert [found["type"] for found in exported["deployment"]["resources"]] == ["pulumi:pulumi:Stack"]


def test_raw_commands_end_with_their_own_code(groundwork: Command) -> None:
    assert groundwork("exec", "--stack", "onprem", "--", "pulumi", "stack", "--show-name").stdout.strip() == "onprem"
    groundwork("exec", "--stack", "onprem", "--", "pulumi", "config", "get", "nothing", code=1)
    assert "pulumi command" in groundwork("exec", "--stack", "onprem", "--", "ls", code=3).stderr
