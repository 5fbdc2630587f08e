"""Inputs that an older provider does not know are named, at any depth, and nothing else is."""

from typing import Any

import pytest

from graph.model import Graph, Resource
from rehearsal.provider_schema import unknown

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SCHEMA: dict[str, Any] = {
    "provider": {"inputProperties": {"kubeconfig": {"type": "string"}}},
    "resources": {DEPLOYMENT: {"inputProperties": {"metadata": {"$ref": "#/types/meta"}, "spec": {"$ref": "#/types/spec"}}}},
    "types": {
        "meta": {"properties": {"labels": {"type": "object", "additionalProperties": {"type": "string"}}, "name": {"type": "string"}}},
        "spec": {"properties": {"rows": {"type": "array", "items": {"$ref": "#/types/meta"}}, "any": {"$ref": "pulumi.json#/Any"}}},
    },
}


def judged(type_: str, inputs: dict[str, Any]) -> tuple[list[str], int]:
    resource = Resource(urn=f"urn:pulumi:s::p::{type_}::one", type=type_, name="one", custom=True, parent="", inputs=inputs)
    return unknown(Graph("p", "s", (resource,)), SCHEMA)


@pytest.mark.parametrize(
    ("inputs", "places"),
    [
        ({"metadata": {"name": "a", "labels": {"anything": "goes"}}, "spec": {"any": {"x": 1}}}, []),
        ({"spec": {"rows": [{"name": "a"}, {"nmae": "a"}]}}, ["spec.rows[1].nmae"]),
        ({"status": {}, "metadata": {"uid": "x"}}, ["status", "metadata.uid"]),
    ],
)
def test_what_is_not_known_is_named(inputs: dict[str, Any], places: list[str]) -> None:
    assert judged(DEPLOYMENT, inputs) == ([f"one: {place} of {DEPLOYMENT}" for place in places], 1)


def test_a_provider_and_kinds_are_compared_and_custom_kinds_are_not() -> None:
    token = "pulumi:providers:kubernetes"
    assert judged(token, {"kubeconfig": "x", "upsertExistingObjects": "true"}) == ([f"one: upsertExistingObjects of {token}"], 1)
    assert judged("kubernetes:apps/v1:DaemonSet", {})[0] == ["one: kubernetes:apps/v1:DaemonSet"]
    assert judged("kubernetes:keda.sh/v1alpha1:ScaledObject", {"spec": {"x": 1}}) == ([], 0)
