"""kube-score, built from its Go module, judges every Kubernetes object that any stack exports. It knows nothing of our rules."""

import copy
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from graph.exporters.kubernetes import export_manifests
from rehearsal.control_plane.tools import KUBE_SCORE, KUBERNETES, NoControlPlane, locate
from tests.evaluated import evaluate

pytestmark = pytest.mark.external

ROOT = Path(__file__).parents[2]
REASONS = ROOT / "docs" / "kube-score-reasons.yaml"
STACKS = [*sorted(ROOT.glob("Pulumi.*.yaml")), *sorted((ROOT / "examples").glob("Pulumi.*.yaml"))]
WITHOUT_WORKLOADS = "Pulumi.training-only.yaml"
"""The example that makes a cluster and no workload of its own."""
PASSED = 10
"""The grade of what kube-score finds nothing wrong with; 5 is a warning, 1 is critical."""
JUDGED = {"Deployment", "Job", "Service", "NetworkPolicy", "PodDisruptionBudget", "StatefulSet", "CronJob"}
"""Kinds of ours that it has checks for."""
Failures = set[tuple[str, str]]


def name_of(path: Path) -> str:
    return path.name.split(".")[1]


@pytest.fixture(scope="session")
def program() -> Path:
    try:
        return locate(tools=[KUBE_SCORE])["kube-score"]
    except NoControlPlane as why:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"KUBE-SCORE COULD NOT BE HAD, SO IT HAS JUDGED NOTHING: {why}")
        pytest.skip(f"KUBE-SCORE COULD NOT BE HAD, SO IT HAS JUDGED NOTHING: {why}")


def score(program: Path, files: list[Path]) -> list[dict[str, Any]]:
    """Every object with its checks."""
    minor = ".".join(KUBERNETES.split(".")[:2])
    command = [program, "score", "--kubernetes-version", f"v{minor}", "--output-format", "json", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout) or []  # null where it knows no kind
    return found


def failures(found: list[dict[str, Any]]) -> Failures:
    return {
        (check["check"]["id"], f"{body['type_meta']['kind']}.{body['object_meta'].get('namespace', '')}.{body['object_meta']['name']}")
        for body in found
        for check in body["checks"] or ()
        if not check["skipped"] and check["grade"] < PASSED
    }


@cache
def exported(path: Path, folder: Path) -> list[Path]:
    """The manifests of a stack; pods of custom kinds that kube-score does not read stand there as deployments."""
    here = folder / name_of(path)
    here.mkdir()
    files = export_manifests(evaluate(path).graph, here)
    return [as_read for written in files for as_read in (written, *readable(written))]


def readable(written: Path) -> Iterator[Path]:
    """A deployment beside each rollout, and for each template of a group, with the pods that it makes."""
    body = yaml.safe_load(written.read_text())
    templates = {}
    if body["kind"] == "Rollout":
        templates[""] = body["spec"]["template"]
    elif body["kind"] == "LeaderWorkerSet":
        group = body["spec"]["leaderWorkerTemplate"]
        templates = {f"-{key}": group[f"{key}Template"] for key in ("leader", "worker") if f"{key}Template" in group}
    for suffix, template in templates.items():
        spec = {
            "replicas": body["spec"].get("replicas", 1),
            "selector": {"matchLabels": template["metadata"]["labels"]},
            "template": template,
        }
        metadata = {**body["metadata"], "name": body["metadata"]["name"] + suffix}
        target = written.with_name(f"read{suffix}-{written.name}")
        target.write_text(yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}))
        yield target


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kube-score")


@pytest.fixture(scope="session")
def scores(program: Path, folder: Path) -> Mapping[str, list[dict[str, Any]]]:
    return {name_of(path): score(program, exported(path, folder)) for path in STACKS}


@cache
def reasons() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load(REASONS.read_text())["accepted"]
    return rows


def explains(row: Mapping[str, Any], stack: str, check: str, resource: str) -> bool:
    matched = any(fnmatchcase(resource, glob) for glob in row["resources"])
    return row["check"] == check and matched and any(fnmatchcase(stack, glob) for glob in row["stacks"])


@pytest.mark.parametrize("path", STACKS, ids=name_of)
def test_every_object_that_it_knows_was_judged(scores: Mapping[str, Any], folder: Path, path: Path) -> None:
    kinds = [yaml.safe_load(written.read_text())["kind"] for written in exported(path, folder)]
    seen = [body["type_meta"]["kind"] for body in scores[name_of(path)]]
    assert {kind: kinds.count(kind) for kind in JUDGED} == {kind: seen.count(kind) for kind in JUDGED}
    assert "Deployment" in seen or path.name == WITHOUT_WORKLOADS


@pytest.mark.parametrize("path", STACKS, ids=name_of)
def test_every_failure_has_a_reason(scores: Mapping[str, Any], path: Path) -> None:
    stack = name_of(path)
    left = [pair for pair in sorted(failures(scores[stack])) if not any(explains(row, stack, *pair) for row in reasons())]
    assert not left, f"fix these, or give a reason in {REASONS.name}"


def test_no_reason_is_stale_and_each_says_why(scores: Mapping[str, Any]) -> None:
    found = [(stack, *pair) for stack, bodies in scores.items() for pair in failures(bodies)]
    for row in reasons():
        assert any(explains(row, *each) for each in found), f"{row['check']} fails nowhere any more"
        for glob in row["stacks"]:
            assert any(explains({**row, "stacks": [glob]}, *each) for each in found), f"{row['check']} fails in no {glob} any more"
        assert len(row["reason"]) >= 40
    assert len(reasons()) <= 8


def container(body: Any) -> Any:
    return body["spec"]["template"]["spec"]["containers"][0]


def spoilt(kind: str, change: Callable[[Any], Any]) -> tuple[str, Callable[[Any], Any]]:
    return kind, change


DEFECTS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "container-image-tag": spoilt("Deployment", lambda b: container(b).update(image="registry.example.com/server:latest")),
    "container-resources": spoilt("Job", lambda b: container(b)["resources"].pop("limits")),
    "container-ephemeral-storage-request-and-limit": spoilt(
        "Deployment", lambda b: container(b)["resources"]["limits"].pop("ephemeral-storage")
    ),
    "container-security-context-privileged": spoilt("Deployment", lambda b: container(b)["securityContext"].update(privileged=True)),
    "container-security-context-readonlyrootfilesystem": spoilt(
        "Deployment", lambda b: container(b)["securityContext"].update(readOnlyRootFilesystem=False)
    ),
    "container-security-context-user-group-id": spoilt(
        "Deployment", lambda b: b["spec"]["template"]["spec"].update(securityContext={"runAsUser": 1, "runAsGroup": 1})
    ),
    "pod-probes": spoilt("Deployment", lambda b: container(b).pop("readinessProbe", None)),
    "pod-networkpolicy": spoilt("NetworkPolicy", lambda b: b["spec"].update(podSelector={"matchLabels": {"other": "x"}})),
    "deployment-has-poddisruptionbudget": spoilt(
        "PodDisruptionBudget", lambda b: b["spec"].update(selector={"matchLabels": {"other": "x"}})
    ),
    "service-targets-pod": spoilt("Service", lambda b: b["spec"].update(selector={"other": "x"})),
}


def planted(files: list[Path], kind: str, change: Callable[[Any], Any], folder: Path) -> Iterator[Path]:
    """The manifests with a change in every object of a kind."""
    for written in files:
        body = yaml.safe_load(written.read_text())
        if body["kind"] == kind:
            body = copy.deepcopy(body)
            change(body)
        target = folder / written.name
        target.write_text(yaml.safe_dump(body))
        yield target


@pytest.mark.parametrize("check", DEFECTS)
def test_a_planted_defect_is_caught(program: Path, folder: Path, tmp_path: Path, check: str) -> None:
    files = exported(next(path for path in STACKS if name_of(path) == "prod"), folder)
    before, after = failures(score(program, files)), failures(score(program, list(planted(files, *DEFECTS[check], tmp_path))))
    known = {pair for pair in before if pair[0] == check}
    graver = check == "container-resources"
    assert {pair for pair in after if pair[0] == check} - known or graver
    if graver:
        texts = [
            comment["summary"]
            for body in score(program, list(planted(files, *DEFECTS[check], tmp_path)))
            for c in body["checks"] or ()
            for comment in c["comments"] or ()
        ]
        assert "Memory limit is not set" in texts
