"""What the recorder draws is what the engine makes: for every reference stack, against a real rehearsed `up` and a real preview."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from graph.model import Graph, Resource, SecretValue
from graph.state import from_deployment
from operations.rehearse import clouds_around
from rehearsal.stage import Stage
from tests.evaluated import evaluate

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
STACK = "pulumi:pulumi:Stack"


Rehearsed = tuple[str, Graph, Graph]
"""Stack, graph of the first preview, graph of the state after `up`."""
ON_TOP = {"prod": "team-vision"}
"""Stack of endpoints alone that is brought up on a platform."""


@pytest.fixture(scope="module", params=["dev", "prod", "onprem"])
def rehearsed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Rehearsed]]:
    """A stack and what stands on it, from a stage of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        file = ROOT / f"Pulumi.{request.param}.yaml"
        found = [brought_up(Stage(ROOT, request.param, clouds=clouds_around(file)))]
        if above := ON_TOP.get(request.param):
            found.append(brought_up(Stage(ROOT, above, platform=(request.param, file), clouds=clouds_around(file))))
        yield found


def brought_up(stage: Stage) -> Rehearsed:
    with stage:
        preview = json.loads(stage.pulumi("preview", "--json", check=True).stdout)
        stage.pulumi("up", "--yes", "--skip-preview", check=True)
        exported = json.loads(stage.pulumi("stack", "export", check=True).stdout)
    planned = [step["newState"] for step in preview["steps"] if "newState" in step]
    return stage.stack, from_deployment({"resources": planned}), from_deployment(exported)


def shown(value: Any) -> Any:
    """Comparable: a secret is a secret whatever it holds (offline it is ciphertext, in the state it is sealed)."""
    if isinstance(value, SecretValue):
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: shown(item) for key, item in value.items() if item is not None}
    return [shown(item) for item in value] if isinstance(value, list | tuple) else value


def facts(resource: Resource) -> dict[str, Any]:
    """What recorder and engine must agree on."""
    return {
        "type": resource.type,
        "parent": resource.parent,
        "provider": resource.provider,
        "custom": resource.custom,
        "inputs": {} if resource.type == STACK else shown(resource.inputs),
        "dependencies": sorted(resource.dependencies),
        "property dependencies": {name: sorted(urns) for name, urns in sorted(resource.property_dependencies.items()) if urns},
        "protect": resource.options.protect,
    }


def differences(mine: Graph, theirs: Graph) -> dict[str, Any]:
    """What separates two graphs, by URN and fact; empty when they agree."""
    found: dict[str, Any] = dict.fromkeys(mine.by_urn.keys() - theirs.by_urn.keys(), "only recorded")
    found |= dict.fromkeys(theirs.by_urn.keys() - mine.by_urn.keys(), "only in the engine")
    for urn in mine.by_urn.keys() & theirs.by_urn.keys():
        recorded, real = facts(mine.by_urn[urn]), facts(theirs.by_urn[urn])
        found |= {f"{urn} {name}": (recorded[name], real[name]) for name in recorded if recorded[name] != real[name]}
    return found


def test_the_recorded_graph_is_the_state_after_up(rehearsed: list[Rehearsed]) -> None:
    for stack, _, state in rehearsed:
        graph = evaluate(ROOT / f"Pulumi.{stack}.yaml").graph
        assert len(graph) > 10
        assert differences(graph, state) == {}


def test_the_graph_with_unknowns_is_the_first_preview(rehearsed: list[Rehearsed]) -> None:
    for stack, preview, _ in rehearsed:
        assert differences(evaluate(ROOT / f"Pulumi.{stack}.yaml", unknowns=True).graph, preview) == {}
