"""Two readers, one judgement: what is sound loads, what is not is told whole, and nothing secret is ever told."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import settings

from components.aws.regions import REGIONS
from components.spec import Many, Name, Problem, Reading, Secret, Spec, rule
from infra.config import load_engine, load_file
from infra.reading.faults import ConfigFaults, Fault, render, spell
from infra.reading.stackfile import KEY, engine_text, scan
from infra.reading.validation import judge

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))


def handed(monkeypatch: pytest.MonkeyPatch, path: Path, *, root: Path | None = None) -> None:
    """Hand a file's configuration to this process as the engine would, secrets in plain."""

    def plain(value: Any) -> Any:
        if isinstance(value, Secret):
            return f"plain-{value.reveal()}"
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    file = scan(path)
    texts = {key: engine_text(plain(value)) for key, value in file.config.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps([KEY] if file.secure_paths else []))
    monkeypatch.setattr(pulumi, "get_stack", lambda: path.stem)
    monkeypatch.setattr(type(settings.SETTINGS), "root_directory", str(root or HERE), raising=False)


@pytest.mark.parametrize("name", ["aws", "onprem"])
def test_both_readers_make_the_same_platform(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = HERE / "good" / f"{name}.yaml"
    handed(monkeypatch, path)
    offline, _ = load_file(path)
    online = load_engine()
    assert repr(online) == repr(offline)


def test_secrets_are_plain_under_the_engine_and_cipher_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    path = HERE / "good" / "onprem.yaml"
    handed(monkeypatch, path)
    offline, online = load_file(path)[0].endpoints["chat"].secrets["API_KEY"], load_engine().endpoints["chat"].secrets["API_KEY"]
    assert (offline.reveal(), offline.encrypted) == ("v1:EEEE:FFFF", True)
    assert (online.reveal(), online.encrypted) == ("plain-v1:EEEE:FFFF", False)


def judged_by_both(path: Path) -> bool:
    """Whether the reader has nothing of its own to say of the file, so that both readers see the same."""
    return not scan(path).refused and not scan(path).secure_paths


@pytest.mark.parametrize("path", [path for path in BAD if judged_by_both(path)], ids=lambda path: path.stem)
def test_under_the_engine_faults_are_one_run_error_with_the_same_text(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handed(monkeypatch, path)
    with pytest.raises(ConfigFaults) as offline:
        load_file(path)
    with pytest.raises(pulumi.RunError) as online:
        load_engine()
    assert str(online.value) == str(offline.value).replace(path.name, f"Pulumi.{path.stem}.yaml", 1)


@pytest.mark.parametrize("beside", [True, False], ids=["file-beside", "file-elsewhere"])
def test_a_decrypted_secret_is_never_told(beside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (HERE / "good" / "onprem.yaml").read_text().replace("owner: ml-platform", 'owner: {secure: "CANARY-1"}')
    broken = broken.replace("context: hall-one", 'context: {secure: "CANARY-2"}').replace("cpu: 8", 'cpu: {secure: "CANARY-3"}')
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(broken)
    handed(monkeypatch, path, root=tmp_path if beside else tmp_path / "none")
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    with pytest.raises(pulumi.RunError) as refused:
        load_engine()
    assert "CANARY" not in str(refused.value)
    assert ("context: holds a secret where none belongs" in str(refused.value)) == beside
    assert "owner" in str(refused.value)


def test_configuration_that_is_too_deep_is_refused_under_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    handed(monkeypatch, HERE / "good" / "aws.yaml")
    texts = {KEY: '{"a":' * 5_000 + "1" + "}" * 5_000, "pulumi:disable-default-providers": '["*"]'}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(texts))
    with pytest.raises(pulumi.RunError, match="nested more than 32 deep"):
        load_engine()


def test_importing_the_configuration_loads_no_provider() -> None:
    code = "import sys, infra.config; print([name for name in sys.modules if name.startswith(('pulumi_aws.', 'pulumi_kubernetes.'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


class Inner(Spec):
    low: int
    high: int
    note: Name = "note"

    @rule("low", "high")
    def _ordered(self) -> list[Problem]:
        return [Problem(("low",), "is above high")] if self.low > self.high else []


class Outer(Spec):
    main: Inner
    others: dict[Name, Inner] = {}
    rows: Many[Inner] = ()
    total: int = 0

    @rule("main", "others")
    def _main_is_first(self) -> list[Problem]:
        return [Problem(("main", "low"), "is not the least") for other in self.others.values() if other.low < self.main.low]

    @rule("rows", "total")
    def _sums(self) -> list[Problem]:
        return [Problem(("total",), "is not the sum")] if sum(row.high for row in self.rows) != self.total else []


def faults(document: Any) -> set[tuple[str, str]]:
    return {(fault.path, fault.message) for fault in judge(Outer, document, Reading())[1]}


def test_a_rule_runs_though_other_fields_are_broken() -> None:
    broken = {"main": {"low": 3, "high": 2, "note": 7}, "others": {"a": {"low": 1, "high": 2, "note": "A"}}, "total": 0, "more": 1}
    assert faults(broken) == {
        ("main.low", "is above high"),
        ("main.low", "is not the least"),
        ("main.note", "must be text: quote it"),
        ("others.a.note", "is not allowed here"),
        ("more", "is not a known key"),
    }


def test_a_rule_waits_for_the_fields_that_it_reads() -> None:
    assert faults({"main": {"low": "x", "high": 2}, "others": {"a": {"low": 1, "high": 2}}}) == {("main.low", "must be a whole number")}
    assert faults({"main": {"low": 1, "high": 2}, "rows": [{"low": 1, "high": None}], "total": 9}) == {
        ("rows[0].high", "is empty: give it a value, or remove the key")
    }


def test_a_fault_inside_a_rule_is_not_taken_for_a_broken_field() -> None:
    class Wrong(Spec):
        field: int
        other: int

        @rule("field")
        def _crashes(self) -> list[Problem]:
            return [Problem((), self.field.nothing)]  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="nothing"):
        judge(Wrong, {"field": 1, "other": "x"}, Reading())


def test_rules_hold_without_the_loader_too() -> None:
    with pytest.raises(ValueError, match="is above high"):
        Inner(low=2, high=1)


def test_what_is_shown_is_escaped_and_cut() -> None:
    _, found = judge(Inner, {"low": 1, "high": 2, "note": "\x1b[2J\u202e" + "a" * 500}, Reading())
    text = render(ConfigFaults(found))
    assert "\\x1b[2J\\u202e" in text
    assert len(text) < 400
    assert spell(("a", 0, "</pre>\n")) == 'a[0]["</pre>\\n"]'


def test_one_fault_is_counted_as_one() -> None:
    assert str(ConfigFaults([Fault("a", "1", "is wrong", "2", "", 7)], "f.yaml")) == (
        "f.yaml is not a valid configuration: 1 fault\n  a = 1: is wrong\n      allowed: 2"
    )


def test_the_regions_are_those_of_the_sdk() -> None:
    session = pytest.importorskip("botocore.session").get_session()
    assert list(REGIONS) == sorted(session.get_available_regions("eks"))
