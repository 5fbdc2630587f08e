"""Checkov, in an environment of its own, judges what the reference stacks export. It knows nothing of Pulumi or of our rules."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from graph.exporters.kubernetes import export_manifests, objects, releases
from graph.exporters.terraform import exported, terraform_plan
from graph.model import Graph
from tests.evaluated import evaluate
from tests.external.defects import DEFECTS, Defect

pytestmark = pytest.mark.external

VERSION = "3.3.30"
ROOT = Path(__file__).parents[2]
REASONS = ROOT / "docs" / "checkov-reasons.yaml"
STACKS = ("dev", "prod", "onprem")
EXAMPLES = "examples"
"""What all examples export of Kubernetes, judged as one; their cloud resources are of the same components as the reference stacks'."""
PLANTED_IN = "prod"
Failures = set[tuple[str, str]]


@dataclass(frozen=True)
class Verdicts:
    resources: frozenset[str]
    files: frozenset[str]
    passed: Failures
    failed: Failures
    unparsed: tuple[str, ...]


@dataclass(frozen=True)
class Scans:
    """Every scan of one Checkov process, by (stack or check id, kind)."""

    rows: dict[tuple[str, str], Verdicts]

    def failures(self, stack: str) -> Failures:
        return {pair for (name, _), verdicts in self.rows.items() if name == stack for pair in verdicts.failed}


@cache
def _graph(stack: str, *, unknowns: bool = False) -> Graph:
    return evaluate(ROOT / f"Pulumi.{stack}.yaml", unknowns=unknowns).graph


class NotProvisioned(Exception):
    """Checkov could not be had; the message says why."""


def _checkov(jobs: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Run the worker in Checkov's own environment, made by the uv that runs us (it names itself in UV) or the one on PATH.

    Raises NotProvisioned.
    """
    uv = shutil.which(os.environ.get("UV", "uv"))
    command = [uv or "uv", "tool", "run", "--python", sys.executable, "--from", f"checkov=={VERSION}", "python"]
    ready = subprocess.run([*command, "-c", "import checkov"], capture_output=True, text=True) if uv else None
    if ready is None or ready.returncode:
        raise NotProvisioned(ready.stderr.strip()[-500:] if ready else "uv is not on PATH")
    worker = [*command, str(Path(__file__).with_name("checkov_worker.py"))]
    done = subprocess.run(worker, input=json.dumps(jobs), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def _give_up(tell: Callable[[str], None], why: NotProvisioned) -> NoReturn:
    """Skip so that nobody can overlook it; fail where nobody would look."""
    message = f"CHECKOV {VERSION} COULD NOT BE PROVISIONED, SO NO SCANNER BUT OURS HAS JUDGED THE STACKS: {why}"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(message)
    tell(message)
    pytest.skip(message)


def _tell(config: pytest.Config, message: str) -> None:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        reporter.write_line(f"\n{message}", red=True, bold=True)


def _write(graph: Graph, folder: Path) -> Iterator[dict[str, str]]:
    plan, manifests = folder / "plan.json", folder / "manifests"
    manifests.mkdir(parents=True)
    plan.write_text(json.dumps(terraform_plan(graph)))
    export_manifests(graph, manifests)
    yield {"kind": "terraform", "path": str(plan)}
    yield {"kind": "kubernetes", "path": str(manifests)}


def _examples(folder: Path) -> Path:
    """A folder with the manifests of every example."""
    for path in sorted((ROOT / "examples").glob("Pulumi.*.yaml")):
        export_manifests(evaluate(path).graph, folder / path.name)
    return folder


def _planted(defect: Defect) -> Graph:
    """The stack with the defect; of Kubernetes objects only the spoiled one, since each is judged alone."""
    graph, spoiled = defect.plant(_graph(PLANTED_IN))
    alone = spoiled is not None and spoiled.type.startswith("kubernetes:")
    return replace(graph, resources=(spoiled,)) if alone and spoiled else replace(graph, resources=exported(graph))


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Scans:
    folder = tmp_path_factory.mktemp("checkov")
    planted = {d.check: _planted(d) for d in DEFECTS if d.fits(_graph(PLANTED_IN))}
    previewed = {f"{stack} at preview": _graph(stack, unknowns=True) for stack in STACKS}
    graphs = {stack: _graph(stack) for stack in STACKS} | previewed | planted
    jobs = {(name, job["kind"]): job for name, graph in graphs.items() for job in _write(graph, folder / name)}
    jobs[EXAMPLES, "kubernetes"] = {"kind": "kubernetes", "path": str(_examples(folder / EXAMPLES))}
    try:
        results = _checkov(list(jobs.values()))
    except NotProvisioned as why:
        _give_up(partial(_tell, pytestconfig), why)
    return Scans({key: _verdicts(result) for key, result in zip(jobs, results, strict=True)})


def _verdicts(result: dict[str, Any]) -> Verdicts:
    passed, failed = ({(check, name) for check, name in result[part]} for part in ("passed", "failed"))
    resources = frozenset(result["resources"])
    return Verdicts(resources, frozenset(name.rpartition(":")[0] for name in resources), passed, failed, tuple(result["unparsed"]))


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_scanner_is_never_silent(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]) -> None:
    told: list[str] = []
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("UV", raising=False)
    with pytest.raises(NotProvisioned) as why:
        _checkov([])
    with pytest.raises(outcome, match=r"COULD NOT BE PROVISIONED.*uv is not on PATH"):
        _give_up(told.append, why.value)
    assert bool(told) == (outcome is pytest.skip.Exception)


def test_a_scanner_is_had_on_a_machine_without_uv_on_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV", str(shutil.which(os.environ.get("UV", "uv"))))
    monkeypatch.setenv("PATH", "/nowhere")
    assert _checkov([]) == []


@pytest.mark.parametrize("stack", STACKS)
def test_checkov_saw_every_resource(scans: Scans, stack: str) -> None:
    graph, plan, manifests = _graph(stack), scans.rows[stack, "terraform"], scans.rows[stack, "kubernetes"]
    assert plan.unparsed + manifests.unparsed == ()
    assert len(plan.resources) == len(exported(graph))
    assert len(manifests.files) == len(objects(graph)), "one file an object; Checkov also counts the pods of a template"
    assert len(exported(graph)) + len(objects(graph)) + len(releases(graph)) == len(graph.custom)


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_known_only_after_apply_changes_no_verdict(scans: Scans, stack: str) -> None:
    assert scans.failures(f"{stack} at preview") == scans.failures(stack)


@pytest.mark.parametrize("stack", STACKS)
def test_the_scan_is_not_empty(scans: Scans, stack: str) -> None:
    judged = {check for kind in ("terraform", "kubernetes") for check, _ in scans.rows[stack, kind].passed}
    assert len(judged) >= 25, judged


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: d.check)
def test_a_planted_defect_is_caught(scans: Scans, defect: Defect) -> None:
    assert defect.fits(_graph(PLANTED_IN)), f"{PLANTED_IN} has no {defect.token} with {defect.path}"
    kind = "kubernetes" if defect.token.startswith("kubernetes:") else "terraform"
    new = scans.rows[defect.check, kind].failed - scans.rows[PLANTED_IN, kind].failed
    assert defect.check in {check for check, _ in new}


def test_enough_ids_are_proved_to_catch() -> None:
    assert len({defect.check for defect in DEFECTS}) >= 25


@pytest.mark.parametrize("stack", [*STACKS, EXAMPLES])
def test_every_failure_has_a_reason(scans: Scans, stack: str) -> None:
    rows = [(row, place) for row, at, place in _reasons() if at == stack]
    left = [f"{c} on {name}" for c, name in sorted(scans.failures(stack)) if not any(_explains(*row, c, name) for row in rows)]
    assert not left, "fix these, or give a reason in docs/checkov-reasons.yaml:\n" + "\n".join(left)


def test_no_reason_is_stale(scans: Scans) -> None:
    stale = [
        f"{row['check']} on {place} in {stack}"
        for row, stack, place in _reasons()
        if not any(_explains(row, place, check, name) for check, name in scans.failures(stack))
    ]
    assert not stale, "nothing fails here any more:\n" + "\n".join(stale)


def test_every_reason_says_why_and_they_are_few() -> None:
    assert all(len(row["reason"]) >= 40 for row, _, _ in _reasons())
    for stack in (*STACKS, EXAMPLES):
        assert len({row["check"] for row, at, _ in _reasons() if at == stack}) <= 12, stack


def _reasons() -> list[tuple[dict[str, Any], str, str]]:
    """Every accepted failure, once for each stack and each place it names."""
    rows = yaml.safe_load(REASONS.read_text())["accepted"]
    return [(row, stack, place) for row in rows for stack in row["stacks"] for place in row["resources"]]


def _explains(row: dict[str, Any], place: str, check: str, name: str) -> bool:
    return bool(row["check"] == check) and fnmatchcase(name, place)
