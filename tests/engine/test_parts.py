"""The parts of the stage that need no engine: event logs, environments, and a command in the foreground."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal.events import SECRET_KEY, UNKNOWN, masked, read
from rehearsal.pythons import python_of

STACK = {"urn": "urn:s", "type": "pulumi:pulumi:Stack", "outputs": {"token": {SECRET_KEY: "1b47", "ciphertext": "x"}, "url": UNKNOWN}}
BOX = {"urn": "urn:b", "type": "toy:index:Box", "outputs": {}}
EVENTS = [
    {"resourcePreEvent": {"metadata": {"op": "create", "urn": "urn:b", "new": BOX}}},
    {"resourcePreEvent": {"metadata": {"op": "same", "urn": "urn:s", "new": STACK}}},
    {"resOutputsEvent": {"metadata": {"op": "create", "urn": "urn:b", "new": BOX}}},
    {"resOutputsEvent": {"metadata": {"op": "create", "urn": "urn:b", "new": BOX}}},
    {"resOutputsEvent": {"metadata": {"op": "delete", "urn": "urn:old", "old": BOX}}},
    {"resOutputsEvent": {"metadata": {"op": "same", "urn": "urn:s", "new": STACK}}},
    {"diagnosticEvent": {"severity": "error", "message": " boom\n"}},
    {"diagnosticEvent": {"severity": "debug", "message": "noise"}},
    {"policyEvent": {"policyPackName": "p", "policyName": "r", "enforcementLevel": "mandatory", "message": "no\n"}},
    {"summaryEvent": {"result": "failed", "resourceChanges": {"create": 1, "same": 1}}},
]


def test_an_event_log_gives_each_resource_once_and_no_secret(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    facts = read(log)
    assert facts.result == "failed"
    assert facts.changes == {"create": 1, "same": 1}
    assert facts.steps == [("create", "urn:b")]
    assert facts.types == {"toy:index:Box": 1, "pulumi:pulumi:Stack": 1}
    assert facts.outputs == {"token": "[secret]", "url": "[unknown]"}
    assert facts.errors == ["boom"]
    assert [(found.rule, found.level, found.urn, found.message) for found in facts.findings] == [("r", "mandatory", "", "no")]


def test_a_log_that_was_cut_short_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(json.dumps(EVENTS[0]) + "\n" + json.dumps(EVENTS[-1])[:20])
    assert (read(log).result, len(read(log).steps)) == ("", 1)
    assert read(tmp_path / "none").result == ""


def test_secrets_are_masked_at_any_depth() -> None:
    assert masked({"a": [{"b": {SECRET_KEY: "1b47"}}, 1]}) == {"a": [{"b": "[secret]"}, 1]}


def environment(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text("")
    return folder


def test_the_environment_is_found_as_the_official_host_finds_it(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"
    root.mkdir(parents=True)
    near, named, option = environment(tmp_path / ".venv"), environment(tmp_path / "named"), environment(root / "own")
    assert python_of(root, {}, {}).prefix == near
    assert python_of(root, {}, {"UV_PROJECT_ENVIRONMENT": str(named)}).prefix == named
    assert python_of(root, {"virtualenv": "own"}, {"UV_PROJECT_ENVIRONMENT": str(named)}).prefix == option
    with pytest.raises(FileNotFoundError, match="uv sync"):
        python_of(root, {"virtualenv": "gone"}, {})


def test_the_installed_pulumi_packages_name_their_plugins() -> None:
    found = {said["name"]: said["version"] for said in python_of(Path("/"), {"virtualenv": sys.prefix}, {}).plugins()}
    assert set(found) == {"aws", "kubernetes"}
    assert all(version[0].isdigit() for version in found.values())


def test_an_interrupt_reaches_a_command_in_the_foreground_once(tmp_path: Path) -> None:
    script = "trap 'echo told; n=$((n+1))' INT; n=0; : > ready; for i in 1 2 3 4 5 6 7 8; do sleep 0.2; done; exit $((n+40))"
    program = (
        "import os, signal, sys; from pathlib import Path; from rehearsal.foreground import run\n"
        "from rehearsal.signals import Signals\n"
        "with Signals() as signals:\n"
        f"    done = run(['/bin/sh', '-c', {script!r}], Path({str(tmp_path)!r}), os.environ, signals, capture=False)\n"
        "sys.exit(done.code)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    limit = time.monotonic() + 20
    while not (tmp_path / "ready").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    os.kill(parent.pid, signal.SIGINT)
    output, _ = parent.communicate(timeout=30)
    assert output.splitlines() == ["told"]
    assert parent.returncode == 41
