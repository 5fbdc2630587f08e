"""Kinds that `up` waits for by a condition: whether the provider can tell the condition of this version from that of the one before."""

from pathlib import Path

import pytest

from graph.exporters.kubernetes import manifest, objects
from rehearsal.control_plane.crds import definitions, table
from tests.evaluated import evaluate

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
STACKS = [ROOT / "examples" / "Pulumi.rollouts.yaml", ROOT / "examples" / "Pulumi.large-model.yaml"]
ONCE = {"Rollout", "LeaderWorkerSet"}
"""Kinds whose condition is awaited on a create alone, as ADR 33 says."""


def waited() -> set[str]:
    made = [manifest(resource) for path in STACKS for resource in objects(evaluate(path).graph)]
    return {body["kind"] for body in made if "pulumi.com/waitFor" in (body["metadata"].get("annotations") or {})}


def test_only_kinds_of_the_decision_are_waited_for_by_a_condition() -> None:
    assert waited() == ONCE


def test_neither_says_as_a_number_which_generation_its_status_is_of() -> None:
    """Once one does, the provider compares it with the object's own, and `up` can wait on an update too."""
    found = {row["spec"]["names"]["kind"]: row for row in definitions(table(), lambda text: None)}
    for kind in ONCE:
        for version in found[kind]["spec"]["versions"]:
            status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
            assert status.get("observedGeneration", {}).get("type") != "integer", f"{kind}: up can wait for it on updates now"
