"""The stage under the real engine: clean checkouts, sealed secrets, nothing ambient, one user at a time."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.actions import act
from rehearsal.stage import Stage, StageBusy, StageFailed

Staged = Callable[..., Stage]

pytestmark = pytest.mark.engine

OUTPUTS = """
import json, os, sys
import pulumi
config = pulumi.Config()
class Box(pulumi.ComponentResource):
    def __init__(self, name, content, **options):
        super().__init__("toy:index:Box", name, {"content": content}, pulumi.ResourceOptions(**options))
        self.register_outputs({"content": content})
"""
SECRETS = (
    OUTPUTS
    + """
Box("flat", config.require_secret("flat"))
Box("nested", config.require_secret_object("nested"))
pulumi.export("flat", config.require_secret("flat"))
pulumi.export("nested", config.require_secret_object("nested"))
pulumi.log.info("token is " + os.environ["PULUMI_CONFIG"])
"""
)
SECRET_FILE = """
secretsprovider: awskms://alias/groundwork?region=us-west-2
encryptedkey: AQICAHg=
config:
  toy:flat: {secure: v1:abc:def}
  toy:nested: {list: [1, {secure: AAA}], deep: {er: {secure: BBB}}}
"""


def git(folder: Path, *args: str) -> str:
    return subprocess.run(["git", "-C", folder, *args], check=True, capture_output=True, text=True).stdout


def test_a_file_sealed_by_a_cloud_key_is_rehearsed_with_canaries_that_stand_nowhere_in_clear(staged: Staged) -> None:
    with staged(SECRETS, SECRET_FILE) as stage:
        first = act("up", stage, packs=False)
        again = act("up", stage, packs=False)
        handed = json.loads(stage.pulumi("stack", "output", "--json", "--show-secrets", check=True).stdout)
        canaries = stage.file.canaries()
        stage.pulumi("stack", "export", "--file", str(stage.root / "export.json"), check=True)
    assert first.fine
    assert (again.fine, dict(again.facts.changes)) == (True, {"same": 3})
    assert handed["flat"] == canaries["config", "toy:flat"]
    assert handed["nested"] == {
        "list": [1, canaries["config", "toy:nested", "list", 1]],
        "deep": {"er": canaries["config", "toy:nested", "deep", "er"]},
    }
    assert again.facts.outputs == {"flat": "[secret]", "nested": "[secret]"}
    files = [path for path in stage.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(".bak" in path.name for path in files)
    assert any("history" in path.parts for path in files)
    leaks = {str(path) for path in files for value in canaries.values() if value.encode() in path.read_bytes()}
    assert not leaks


def test_the_checkout_stays_as_it_is(staged: Staged, project: Path) -> None:
    stage = staged(OUTPUTS, SECRET_FILE)
    git(project, "init", "-q")
    git(project, "add", ".")
    before = {path: path.read_bytes() for path in project.glob("Pulumi*")}
    with stage:
        assert act("up", stage, packs=False).fine
        assert (stage.copy / "Pulumi.yaml").read_bytes() == before[project / "Pulumi.yaml"]
    assert not git(project, "status", "--porcelain", "--untracked-files=all", "--ignored").replace("A  ", "").strip().count("??")
    assert {path: path.read_bytes() for path in project.glob("Pulumi*")} == before
    assert {path.name for path in project.iterdir()} == {".git", "infra", "Pulumi.yaml", "Pulumi.dev.yaml"}


def test_nothing_ambient_reaches_the_program(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "PULUMI_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "ambient")
    monkeypatch.setenv("KUBECONFIG", "/somebody/else")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    program = OUTPUTS + 'pulumi.export("found", [k for k, v in os.environ.items() if v == "ambient" or "somebody" in v])\n'
    program += 'pulumi.export("direct", os.environ["NO_PROXY"])\npulumi.export("path", [p for p in sys.path if "infra" in p or p == "."])\n'
    with staged(program) as stage:
        outputs = act("up", stage, packs=False).facts.outputs
    assert outputs["found"] == []
    assert "127.0.0.1" in outputs["direct"]
    assert outputs["path"] == ["."]


def test_configuration_reaches_the_program_as_the_engine_reads_it(staged: Staged) -> None:
    program = OUTPUTS + 'pulumi.export("seen", {k: config.get(k) for k in ("on", "octal", "text", "list")})\n'
    with staged(program, "config: {toy:on: on, toy:octal: 010, toy:text: 'a b', toy:list: [1, {x: true}]}\n") as stage:
        seen = act("up", stage, packs=False).facts.outputs["seen"]
    assert seen == {"on": "on", "octal": "8", "text": "a b", "list": '[1,{"x":true}]'}


def test_a_stage_in_use_is_refused_with_the_holder_named(staged: Staged) -> None:
    stage = staged(OUTPUTS)
    other = Stage(stage.project, "dev", engine=stage._engine, clouds=stage._clouds)
    with stage:
        with pytest.raises(StageBusy, match=r"in use by process \d+"):
            other.__enter__()
        with pytest.raises(StageBusy):
            other.forget()
    with other:
        assert other.pulumi("stack", "--show-name").stdout.strip() == "dev"
    other.forget()
    assert not other.root.exists()


@pytest.mark.parametrize("name", ["../up", "a b", "", "x" * 101])
def test_a_name_that_is_no_stack_s_is_refused(project: Path, name: str) -> None:
    with pytest.raises(StageFailed, match="not a stack's name"):
        Stage(project, name)


def test_destroy_names_what_is_protected_before_it_asks_a_cloud_anything(staged: Staged) -> None:
    with staged(OUTPUTS + 'Box("kept", "x", protect=True)\nBox("other", "y")\n') as stage:
        assert act("up", stage, packs=False).fine
        before = stage.pulumi("stack", "export").stdout
        refused = act("destroy", stage)
        assert not refused.fine
        assert [urn.rsplit("::", 1)[1] for urn in refused.protected] == ["kept"]
        assert stage.pulumi("stack", "export").stdout == before
        stage.pulumi("state", "unprotect", "--all", "--yes", check=True)
        gone = act("destroy", stage)
        assert gone.fine
        assert gone.facts.changes["delete"] == 3
        assert json.loads((stage.reports / "destroy.json").read_text())["fine"] is True


def test_a_file_that_is_not_yaml_is_the_engines_own_error(staged: Staged) -> None:
    with staged(OUTPUTS) as stage:
        assert act("up", stage, packs=False).fine
    with staged(OUTPUTS, "config: {a: [}\n") as stage:
        result = stage.pulumi("preview")
    assert result.code != 0
    assert "invalid YAML file" in result.stderr
    assert "Traceback" not in result.stdout + result.stderr


def test_the_first_run_may_meet_a_file_that_is_not_yaml(staged: Staged) -> None:
    stage = staged(OUTPUTS, "config: {a: [}\n")
    with stage:
        assert stage.pulumi("preview").code != 0
