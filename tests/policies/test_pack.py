"""The pack under the engine: in process against the SDK's own servicer, and on the real engine."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.policy import EnforcementLevel, _PolicyAnalyzerServicer

from graph.model import UNKNOWN, Graph, Resource, SecretValue
from policies.evaluate import REHEARSED, Settings, evaluate
from policies.pack import SHOWN, policies, stops
from tests.evaluated import evaluate as evaluate_stack

ROOT = Path(__file__).parent.parent.parent
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SAID = re.compile(r"\[([a-z0-9-]+)\] ")


def wire(value: Any) -> Any:
    """A value as the engine sends it to an analyzer."""
    if value is UNKNOWN:
        return UNKNOWN_TEXT
    if isinstance(value, SecretValue):
        return wire(value.value)
    if isinstance(value, dict):
        return {key: wire(item) for key, item in value.items()}
    return [wire(item) for item in value] if isinstance(value, list | tuple) else value


def described(request: Any, resource: Resource) -> Any:
    request.type, request.urn, request.name = resource.type, resource.urn, resource.name
    request.properties.update(wire(dict(resource.inputs)))
    request.options.protect = resource.options.protect
    if resource.provider:
        request.provider.urn = resource.provider
    return request


def analysed(graph: Graph) -> list[Any]:
    """What the pack reports on a graph that is handed to it call by call, as the engine does."""
    servicer = _PolicyAnalyzerServicer("groundwork", "0.0.1", list(policies()), EnforcementLevel.ADVISORY)
    for resource in graph:
        assert not servicer.Analyze(described(analyzer_pb2.AnalyzeRequest(), resource), None).diagnostics
    stack = analyzer_pb2.AnalyzeStackRequest()
    for resource in graph:
        row = described(stack.resources.add(), resource)
        row.parent = resource.parent
        row.dependencies.extend(resource.dependencies)
        for name, urns in resource.property_dependencies.items():
            row.propertyDependencies[name].urns.extend(urns)
    return list(servicer.AnalyzeStack(stack, None).diagnostics)


def findings(diagnostics: list[Any]) -> Counter[tuple[str, str, bool]]:
    return Counter(
        (SAID.search(d.message)[1], d.urn, d.enforcementLevel == analyzer_pb2.MANDATORY)  # type: ignore[index]
        for d in diagnostics
    )


@pytest.mark.parametrize("unknowns", [False, True], ids=["known", "preview"])
@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_the_pack_says_what_the_review_says(stack: str, unknowns: bool) -> None:
    graph = evaluate_stack(ROOT / f"Pulumi.{stack}.yaml", unknowns=unknowns).graph
    expected = Counter((v.rule, v.urn, stops(v)) for v in evaluate(graph, Settings()) if v.status in SHOWN)
    assert expected
    assert findings(analysed(graph)) == expected


def test_about_a_dozen_policy_objects() -> None:
    assert 8 <= len(policies()) <= 17


def test_a_rehearsal_lowers_what_the_review_lowers() -> None:
    from rehearsal.actions import LOWERED

    assert dict(LOWERED) == dict(REHEARSED)


@pytest.mark.engine
@pytest.mark.parametrize("stack", ["dev", "prod", "onprem"])
def test_verdicts_on_the_engine_equal_those_in_process(stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from operations.rehearse import clouds_around
    from rehearsal.actions import act
    from rehearsal.stage import Stage

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    graph = evaluate_stack(ROOT / f"Pulumi.{stack}.yaml").graph
    clouds = clouds_around(ROOT / f"Pulumi.{stack}.yaml")
    with Stage(ROOT, stack, clouds=clouds) as stage, (tmp_path / "display").open("w") as display:
        outcome = act("up", stage, display=display)
    assert outcome.fine, (tmp_path / "display").read_text()[-3000:]
    told = {(SAID.search(f.message)[1], f.urn, f.level) for f in outcome.facts.findings if "undetermined" not in f.message}  # type: ignore[index]
    expected = {(v.rule, v.urn, v.level) for v in evaluate(graph, Settings(REHEARSED)) if v.status in SHOWN}
    assert told == expected
    assert json.loads((stage.reports / "up.json").read_text())["fine"] is True
