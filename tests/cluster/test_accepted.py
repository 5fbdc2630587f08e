"""Every Kubernetes object of every stack is taken by a real API server, strictly, with the rules of custom kinds; wrong twins are not."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from graph.exporters.kubernetes import manifest, objects
from infra.config import load_file
from infra.serving import ServingStack
from rehearsal.control_plane.client import Client, Refused, UnknownKind
from tests.cluster.twins import TWINS, Twin, spoiled
from tests.evaluated import evaluate

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
STACKS = [*sorted(ROOT.glob("Pulumi.*.yaml")), *sorted((ROOT / "examples").glob("Pulumi.*.yaml"))]


UNPUBLISHED = {("eks.amazonaws.com/v1", "NodeClass")}
"""Kinds whose definition nobody publishes: EKS Auto Mode has them in its own control planes. Listed in docs/unverified.md."""


@cache
def bodies(path: Path) -> tuple[tuple[dict[str, Any], ...], ...]:
    """Manifests of a stack in the order in which they are made, apart for each of its clusters."""
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in objects(evaluate(path).graph):
        body = manifest(resource)
        if (body["apiVersion"], body["kind"]) not in UNPUBLISHED:
            found.setdefault(resource.provider, []).append(body)
    return tuple(map(tuple, found.values()))


def grant_namespaces(api: Client, path: Path, cluster: tuple[dict[str, Any], ...]) -> None:
    """Make the namespaces that a stack stands in and another stack owns."""
    made = {body["metadata"]["name"] for body in cluster if body["kind"] == "Namespace"}
    wanted = {body["metadata"]["namespace"] for body in cluster if "namespace" in body["metadata"]} - made
    stack = load_file(path)[0]
    if isinstance(stack, ServingStack):
        platform = bodies(path.parent / f"Pulumi.{stack.platform}.yaml")
        owned = [b for bodies_of in platform for b in bodies_of if b["kind"] == "Namespace" and b["metadata"]["name"] in wanted]
        assert owned, f"the platform of {path.name} makes none of {wanted}"
        for body in owned:
            api.apply(body, manager="pulumi-kubernetes", force=True)


def kinds() -> dict[tuple[str, str], dict[str, Any]]:
    """One object of every kind that any stack makes."""
    return {(body["apiVersion"], body["kind"]): body for path in STACKS for cluster in bodies(path) for body in cluster}


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name.split(".")[1])
def test_every_object_is_accepted(api: Client, path: Path) -> None:
    """Each cluster is one of its own, so what was made goes before the next; namespaces stay, as nobody here empties them."""
    for cluster in bodies(path):
        grant_namespaces(api, path, cluster)
        made = [api.apply(body, manager="pulumi-kubernetes", force=True) for body in cluster]
        assert all(body["metadata"]["uid"] for body in made)
        for body in reversed(made):
            if body["kind"] != "Namespace":
                api.delete(body)
    assert any(len(cluster) > 5 for cluster in bodies(path))


def test_every_kind_has_a_wrong_twin() -> None:
    assert {f"{version} {kind}" for version, kind in kinds()} - {f"{t.api_version} {t.kind}" for t in TWINS} == set()


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.kind)
def test_a_wrong_twin_is_refused(api: Client, twin: Twin) -> None:
    body = kinds().get((twin.api_version, twin.kind))
    assert body is not None, f"no stack makes a {twin.kind} any more: remove its twin"
    elsewhere = copy.deepcopy(body)
    elsewhere["metadata"]["name"] = "sound-twin"
    if "namespace" in elsewhere["metadata"]:
        elsewhere["metadata"]["namespace"] = "default"
    api.apply(elsewhere, dry_run=True)
    with pytest.raises(Refused) as refused:
        api.apply(spoiled(elsewhere, twin), dry_run=True)
    assert twin.says in str(refused.value)


@pytest.mark.parametrize("kind", sorted({(twin.api_version, twin.kind) for twin in TWINS}), ids=lambda kind: kind[1])
def test_an_unknown_field_is_refused_in_every_kind(api: Client, kind: tuple[str, str]) -> None:
    body = copy.deepcopy(kinds()[kind])
    body["metadata"] |= {"name": "sound-twin", **({"namespace": "default"} if "namespace" in body["metadata"] else {})}
    with pytest.raises(Refused, match="notAField"):
        api.apply({**body, "notAField": 1}, dry_run=True)


def test_a_kind_that_is_not_served_is_told(api: Client) -> None:
    with pytest.raises(UnknownKind, match=r"keda\.sh/v9 ScaledObject"):
        api.kind("keda.sh/v9", "ScaledObject")
