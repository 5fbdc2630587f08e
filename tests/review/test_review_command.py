"""`groundwork review`: its exit codes, and JSON that scripts can rely on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from operations import review as command
from operations.review import review
from operations.told import Told
from review.timeline import PARALLEL

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "config" / "bad" / "everything-at-once.yaml"

KEYS = {
    "": {
        "version",
        "stack",
        "failed",
        "resources",
        "verdicts",
        "components",
        "findings",
        "waived",
        "undetermined",
        "unchecked",
        "compliance",
        "notes",
        "timeline",
    },
    "stack": {"name", "tier", "owner", "layers", "site", "compliance"},
    "components": {"name", "type", "resources", "protected", "kinds"},
    "findings": {"rule", "title", "concern", "status", "level", "deployed", "severity", "remedy", "places"},
    "places": {"urn", "name", "component", "message"},
    "unchecked": {"urn", "name", "type", "reason"},
    "compliance": {"name", "title", "source", "checked", "controls"},
    "notes": {"subject", "text"},
    "controls": {"id", "title", "evidence", "passed", "rules", "failing", "needs"},
}
"""The contract of version 1."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(review, list(arguments))


def as_production(folder: Path) -> Path:
    file = folder / "Pulumi.dev.yaml"
    file.write_text((ROOT / "Pulumi.dev.yaml").read_text().replace("tier: nonproduction", "tier: production"))
    return file


def waive(root: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (root / "policies").mkdir()
    (root / "policies" / "waivers.yaml").write_text(text)
    monkeypatch.setattr(command, "project_root", lambda: root)


@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_the_reference_stacks_pass(stack: str) -> None:
    result = run("--stack", stack)
    assert result.exit_code == 0, result.output
    assert "Passes." in result.stdout


def test_json_keeps_its_keys() -> None:
    found: dict[str, Any] = json.loads(run("--stack", "prod", "--json").stdout)
    assert found["version"] == 1
    assert set(found) == KEYS[""]
    assert set(found["stack"]) == KEYS["stack"]
    for part in ("components", "findings", "unchecked", "compliance", "notes"):
        assert found[part]
        assert all(set(row) == KEYS[part] for row in found[part])
    assert all(set(place) == KEYS["places"] for row in found["findings"] for place in row["places"])
    assert all(set(row) == KEYS["controls"] for framework in found["compliance"] for row in framework["controls"])
    assert found["stack"]["site"]["zones"] == ["us-west-2a", "us-west-2b", "us-west-2c"]


def test_the_time_to_ready_is_told_for_so_many_operations_at_once() -> None:
    few, many = (json.loads(run("--stack", "onprem", "--json", "--parallel", count).stdout)["timeline"] for count in ("1", "64"))
    assert (few["parallel"], many["parallel"]) == (1, 64)
    assert few["makespan"] > many["makespan"]
    assert few["bound"] == many["bound"]
    assert json.loads(run("--stack", "onprem", "--json").stdout)["timeline"]["parallel"] == PARALLEL


def test_the_same_stack_gives_the_same_bytes() -> None:
    assert run("--stack", "onprem", "--json").stdout == run("--stack", "onprem", "--format", "json").stdout


def test_a_mandatory_failure_is_exit_2(tmp_path: Path) -> None:
    result = run("--config", str(as_production(tmp_path)), "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["failed"] is True


@pytest.mark.parametrize(("form", "name"), [("terminal", "review.txt"), ("json", "review.json")])
def test_a_report_goes_into_a_folder(tmp_path: Path, form: str, name: str) -> None:
    result = run("--stack", "onprem", "--format", form, "--out", str(tmp_path / "new"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert name in result.stderr
    text = (tmp_path / "new" / name).read_text()
    assert "tracking" in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_a_waiver_keeps_its_finding_in_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = as_production(tmp_path)
    rules = [row["rule"] for row in json.loads(run("--config", str(file), "--json").stdout)["findings"] if row["level"] == "mandatory"]
    row = {
        "id": "w1",
        "rules": rules,
        "urn": "urn:pulumi:dev::*",
        "owner": "a",
        "approver": "b",
        "reason": "so",
        "created": "$d",
        "expires": "$e",
    }
    today = command.date.today()
    text = json.dumps([row]).replace('"$d"', str(today)).replace('"$e"', str(today))
    waive(tmp_path, monkeypatch, text)
    result = run("--config", str(file), "--json")
    assert result.exit_code == 0, result.stderr
    assert sorted(row["rule"] for row in json.loads(result.stdout)["waived"]) == sorted(rules)


def test_a_waiver_that_its_stack_has_outlived_is_exit_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    today = command.date.today()
    gone = f"urn: 'urn:pulumi:dev::*::gone', owner: a, approver: b, reason: so, created: {today}, expires: {today}"
    waive(tmp_path, monkeypatch, f"- {{id: w1, rules: [probes], {gone}}}\n")
    assert run("--stack", "dev").exit_code == 3
    assert run("--stack", "onprem").exit_code == 0


def test_a_bad_waiver_is_exit_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waive(tmp_path, monkeypatch, "- {id: w1}\n")
    told = Told()
    result = CliRunner().invoke(review, ["--stack", "dev", "--json"], obj=told)
    assert result.exit_code == 3
    assert "waiver 1: must hold exactly" in result.stderr
    assert "waiver 1" in told.faults[0].message


def test_the_command_line_ends_with_3_and_json_on_stdout_alone() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from operations.cli import main; main()", "review", "--config", str(BAD), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 3
    assert json.loads(told.stdout)["faults"]
    assert "is not a valid configuration" in told.stderr
    assert "Traceback" not in told.stderr


def test_json_needs_no_renderer() -> None:
    code = (
        "import sys; from operations.cli import cli\n"
        "cli(['review', '--stack', 'onprem', '--json'], standalone_mode=False); print('rich' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == "False"
