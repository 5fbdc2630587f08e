"""URNs are a promise: what a reference stack once had it still has, or says under which alias."""

import os
from pathlib import Path

import pytest

from graph.model import Graph, Options, Resource
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]
INVENTORIES = sorted((Path(__file__).parent / "urns").glob("*.txt"))
ACCEPT = "GROUNDWORK_ACCEPT_URNS"


def vanished(promised: set[str], graph: Graph) -> set[str]:
    """Promised URNs that no resource has and no alias accounts for."""
    kept = set(graph.by_urn) | {alias for resource in graph for alias in resource.options.aliases}
    return promised - kept


def held(graph: Graph) -> set[str]:
    return {resource.urn for resource in graph if resource.type != "pulumi:pulumi:Stack"}


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.stem)
def test_no_urn_vanishes_and_none_is_unpromised(inventory: Path) -> None:
    graph = evaluate(ROOT / f"Pulumi.{inventory.stem}.yaml").graph
    promised = set(inventory.read_text().split())
    gone = vanished(promised, graph)
    assert not gone, f"these would be replaced; give their successors an Alias: {sorted(gone)}"
    fresh = held(graph) - promised
    if fresh and os.environ.get(ACCEPT):
        inventory.write_text("\n".join(sorted(promised | fresh)) + "\n")
        return
    assert not fresh, f"new; run once with {ACCEPT}=1 to promise them: {sorted(fresh)}"


def test_there_is_an_inventory_of_every_reference_stack() -> None:
    assert {path.stem for path in INVENTORIES} == {path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml")}


def test_an_alias_keeps_the_promise() -> None:
    new = Resource(urn="new", type="t", name="n", custom=True, parent="", inputs={}, options=Options(aliases=("old",)))
    assert vanished({"old", "new"}, Graph("p", "s", (new,))) == set()
    assert vanished({"old", "other"}, Graph("p", "s", (new,))) == {"other"}
