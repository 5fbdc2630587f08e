"""Seconds that `pulumi up` and `destroy` allow for pods, held against the seconds that the pods themselves may take.

The limits without `custom_timeouts` and the foreground deletion are those of pulumi-kubernetes v4.34.2 (provider/pkg/await).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from graph.exporters.kubernetes import manifest, objects
from graph.model import Graph, Resource
from infra.reading.stackfile import KEY
from tests.engine.examples import EXAMPLES
from tests.evaluated import evaluate

ROOT: Final = Path(__file__).parents[2]
STACKS: Final = [*sorted(ROOT.glob("Pulumi.*.yaml")), *EXAMPLES]
FULL: Final = sorted((ROOT / "tests" / "config" / "full").glob("*.yaml"))
LIMIT: Final = 600
"""Seconds that the provider waits for a create, an update or a delete without a timeout of ours."""
GRACE: Final = 30
"""Seconds that a pod has to end when its template says nothing."""
MARGIN: Final = 120
"""Seconds for a kubelet and the garbage collector once the last container has ended."""
SETTING: Final = "Pulumi.{}.yaml"


def templates(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every pod spec inside a manifest."""
    if isinstance(value, Mapping):
        if "containers" in value:
            yield value
        for part in value.values():
            yield from templates(part)


def workloads(graph: Graph) -> Iterator[tuple[Resource, dict[str, Any], int]]:
    """Every object that makes pods, its manifest, and the longest grace of its pods."""
    for resource in objects(graph):
        body = manifest(resource)
        graces = [pod.get("terminationGracePeriodSeconds", GRACE) for pod in templates(body.get("spec"))]
        if graces:
            yield resource, body, max(graces)


def allowed(resource: Resource, action: str) -> int:
    return int(resource.options.timeouts.get(action, f"{LIMIT}s").removesuffix("s"))


def too_short(graph: Graph) -> tuple[list[str], int]:
    """What runs into a timeout of the provider while nothing is wrong, and how many workloads were judged."""
    found: list[str] = []
    judged = 0
    for resource, body, grace in workloads(graph):
        judged += 1
        name, spec = f"{body['kind']} {body['metadata']['name']}", body["spec"]
        if allowed(resource, "delete") < grace + MARGIN:
            found.append(f"{name}: delete waits {allowed(resource, 'delete')}s, its pods may take {grace}s")
        if body["kind"] == "Job" and allowed(resource, "create") < spec["activeDeadlineSeconds"]:
            found.append(f"{name}: create waits {allowed(resource, 'create')}s, the job may run {spec['activeDeadlineSeconds']}s")
        if "progressDeadlineSeconds" in spec and not skipped(body):
            found += [f"{name}: {action} is shorter than its deadline" for action in early(resource, spec["progressDeadlineSeconds"])]
            if not surges(spec) and spec["progressDeadlineSeconds"] < grace + MARGIN:
                found.append(f"{name}: fails after {spec['progressDeadlineSeconds']}s, before an old pod has to be gone")
    return found, judged


def early(resource: Resource, deadline: int) -> list[str]:
    return [action for action in ("create", "update") if allowed(resource, action) < deadline]


def skipped(body: Mapping[str, Any]) -> bool:
    return bool(body["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true")


def surges(spec: Mapping[str, Any]) -> bool:
    """Whether new pods start beside old ones, so that they need not wait for their room."""
    strategy = spec["strategy"]
    rolling = strategy.get("rollingUpdate") or strategy.get("canary") or {}
    return "blueGreen" in strategy or "trafficRouting" in rolling or bool(rolling.get("maxSurge"))


def slow(path: Path, folder: Path) -> Path:
    """A stack file whose endpoints answer requests for an hour."""
    said = yaml.safe_load(path.read_text())
    for endpoint in said["config"][KEY]["endpoints"].values():
        endpoint["longest_request"] = "1h"
    made = folder / path.name
    made.write_text(yaml.safe_dump(json.loads(json.dumps(said)), sort_keys=False))
    return made


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name.split(".")[1])
def test_no_wait_is_shorter_than_what_it_waits_for(path: Path) -> None:
    found, judged = too_short(evaluate(path).graph)
    assert not found
    assert judged or "serving" not in path.read_text(), "nothing was judged"


@pytest.mark.parametrize("example", ["rollouts", "large-model"])
def test_answers_that_take_an_hour_are_waited_for(example: str, tmp_path: Path) -> None:
    graph = evaluate(slow(ROOT / "examples" / SETTING.format(example), tmp_path)).graph
    found, judged = too_short(graph)
    assert not found
    assert judged >= 1
    for resource, body, grace in workloads(graph):
        if body["kind"] == "Deployment" and not skipped(body):
            replicas = body["spec"]["replicas"]
            each = grace if not surges(body["spec"]) else 0
            assert allowed(resource, "update") >= replicas * each, "one replica after the other"


def nulls(value: Any, path: str = "") -> Iterator[str]:
    if value is None:
        yield path
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from nulls(part, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from nulls(part, f"{path}[{index}]")


@pytest.mark.parametrize("path", [*STACKS, *FULL], ids=lambda path: path.stem)
def test_no_object_states_a_null(path: Path) -> None:
    """The API server drops it, so the provider finds a change for ever."""
    seen = [f"{r.urn}: {place}" for r in objects(evaluate(path).graph) for place in nulls(r.inputs)]
    assert not seen


def test_a_null_would_be_seen() -> None:
    assert list(nulls({"spec": {"a": [{"b": None}], "c": 1}})) == [".spec.a[0].b"]
