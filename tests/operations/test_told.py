"""A command that cannot do its work ends with exit code 3 or 1, says why, and says it as one JSON object where JSON is asked for."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.reading.faults import ConfigFaults, Fault
from operations import cli
from operations.told import asked_for_json
from rehearsal.stage import Stage, StageBusy, StageFailed

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "config" / "bad" / "everything-at-once.yaml"
FIELDS = {"path", "value", "message", "allowed", "hint", "line"}


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def faults(self) -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, Any]]] = json.loads(self.out)
        assert set(found) == {"faults"}
        assert all(set(fault) == FIELDS for fault in found["faults"])
        return found["faults"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def ended(*arguments: str) -> Ended:
        monkeypatch.setattr("sys.argv", ["groundwork", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Ended(int(str(end.value.code or 0)), said.out, said.err)

    return ended


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["review", "--stack", "..", "--json"], "cannot be the name of a stack"),
        (["review", "--stack", "no-such", "--format", "json"], "There is no stack file"),
        (["review", "--stack", "dev", "--config", "x.yaml", "--format=json"], "give one of them"),
        (["review", "--format", "xml", "--json"], "'xml' is not one of"),
        (["review", "--no-such", "--json"], "No such option"),
        (["rehearse", "up", "--stack", "../../x", "--json"], "cannot be the name of a stack"),
        (["rehearse", "up", "--config", str(BAD), "--json"], "is not in us-west-2"),
        (["rehearse", "preview", "--json", "--faults", "no-such.yaml"], "does not exist"),
        (["no-such", "--json"], "No such command"),
        (["lookup", "--stack", "onprem", "--json"], "stands on no AWS account"),
    ],
)
def test_what_is_used_wrongly_is_exit_3_and_json(run: Any, arguments: list[str], word: str) -> None:
    ended = run(*arguments)
    assert ended.code == 3
    assert any(word in fault["message"] for fault in ended.faults), ended.out
    assert "fault of the program" not in ended.err


def test_without_json_standard_output_stays_empty(run: Any) -> None:
    ended = run("review", "--stack", "..")
    assert (ended.code, ended.out) == (3, "")
    assert "1 to 40 lower-case letters" in ended.err


@pytest.mark.parametrize(("raised", "code"), [(StageBusy("in use"), 1), (StageFailed("no"), 1), (RuntimeError("odd"), 1)])
def test_a_stage_that_fails_is_json_too(run: Any, monkeypatch: pytest.MonkeyPatch, raised: Exception, code: int) -> None:
    def entered(stage: Stage) -> Stage:
        raise raised

    monkeypatch.setattr(Stage, "__enter__", entered)
    ended = run("rehearse", "up", "--stack", "dev", "--json")
    assert (ended.code, [fault["message"] for fault in ended.faults]) == (code, [str(raised)])


@pytest.mark.parametrize("variable", ["GROUNDWORK_ENGINE", "GROUNDWORK_CONTROL_PLANE"])
def test_a_way_that_there_is_not_is_exit_3_and_names_those_there_are(run: Any, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    from rehearsal.control_plane import tools

    monkeypatch.setenv(variable, "magic\x1b[2J")
    if variable == "GROUNDWORK_CONTROL_PLANE":
        monkeypatch.setattr(Stage, "__enter__", lambda stage: tools.locate(lambda line: None))
    ended = run("rehearse", "up", "--stack", "dev", "--json")
    assert ended.code == 3
    assert "path, install, source" in ended.faults[0]["message"]
    assert f"{variable}=magic" in ended.err
    assert "\x1b" not in ended.err + ended.out


def test_the_stage_of_a_team_is_not_reset_by_its_team(run: Any) -> None:
    ended = run("rehearse", "reset", "--stack", "team-vision")
    assert ended.code == 3
    assert "reset dev, --stack dev" in ended.err or "--stack prod" in ended.err


@pytest.mark.parametrize("name", ["Pulumi....yaml", "Pulumi.a.b.yaml", "Pulumi.A.yaml", "..yaml", "01-x.yaml", "a b.yaml"])
def test_no_name_of_a_stack_leads_out_of_its_folder(run: Any, tmp_path: Path, name: str) -> None:
    other = tmp_path / "state" / "groundwork" / "rehearsals" / "other-0123" / "dev" / "lock"
    other.parent.mkdir(parents=True)
    other.write_text("")
    shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path / name)
    ended = run("rehearse", "reset", "--config", str(tmp_path / name))
    assert ended.code == 3
    assert other.exists()


def test_the_platform_of_a_team_leads_nowhere_else_either(run: Any, tmp_path: Path) -> None:
    other = tmp_path / "state" / "groundwork" / "rehearsals" / "x" / "lock"
    other.parent.mkdir(parents=True)
    other.write_text("")
    text = (ROOT / "Pulumi.team-vision.yaml").read_text()
    assert "platform: prod" in text
    (tmp_path / "Pulumi.team.yaml").write_text(text.replace("platform: prod", 'platform: "../.."'))
    assert run("rehearse", "reset", "--config", str(tmp_path / "Pulumi.team.yaml")).code == 3
    assert other.exists()


@pytest.mark.parametrize("name", [".", "..", "..."])
def test_a_stage_takes_no_name_of_dots(tmp_path: Path, name: str) -> None:
    with pytest.raises(StageFailed, match="not a stack's name"):
        Stage(ROOT, name)
    with pytest.raises(StageFailed, match="not a stack's name"):
        Stage(ROOT, "team", platform=(name, tmp_path / "x.yaml"))


def test_what_is_no_stage_is_not_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stage = Stage(ROOT, "dev")
    stage.root.mkdir(parents=True)
    (stage.root / "mine").write_text("")
    with pytest.raises(StageFailed, match="holds no stage"):
        stage.forget()
    assert (stage.root / "mine").exists()


def test_a_file_whose_name_is_no_stack_is_told_what_to_be_called(tmp_path: Path) -> None:
    from infra.config import load_file

    shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path / "01-x.yaml")
    with pytest.raises(ConfigFaults) as found:
        load_file(tmp_path / "01-x.yaml")
    fault: Fault = found.value.faults[0]
    assert (fault.path, fault.value) == ("file", "01-x.yaml")
    assert "rename the file" in fault.message
    assert "Pulumi.<stack>.yaml" in fault.allowed


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["rehearse", "exec", "--", "pulumi", "stack", "--json"], False),
        (["review", "--format", "terminal"], False),
        (["review", "--stack", "json"], False),
        (["--format"], False),
        ([], False),
    ],
)
def test_json_is_asked_for_by_the_command_alone(arguments: list[str], asked: bool) -> None:
    assert asked_for_json(arguments) == asked
