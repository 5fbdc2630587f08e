"""What the Kubernetes provider sends of objects of which others own a part, and what it sees of them later."""

from typing import Any

import pytest

from graph.model import SecretValue
from rehearsal.shared_fields import condition, forced, seen, sent

MANAGER = "pulumi-kubernetes"
OURS = {"manager": MANAGER, "fieldsV1": {"f:spec": {"f:replicas": {}, "f:paused": {}}}}
THEIRS = {"manager": "kube-controller-manager", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
MANIFEST = {"metadata": {"name": "it"}, "spec": {"replicas": 2, "paused": False}}


def live(*managers: dict[str, Any], replicas: int = 5) -> dict[str, Any]:
    return {"metadata": {"name": "it", "managedFields": list(managers)}, "spec": {"replicas": replicas, "paused": False}}


def without(owned: dict[str, Any], field: str) -> dict[str, Any]:
    return {**owned, "fieldsV1": {"f:spec": {key: value for key, value in owned["fieldsV1"]["f:spec"].items() if key != field}}}


def test_a_field_that_another_owns_is_not_sent() -> None:
    body = sent(MANIFEST, live(without(OURS, "f:replicas"), THEIRS), ["spec.replicas"], MANAGER)
    assert body["spec"] == {"paused": False}
    assert MANIFEST["spec"]["replicas"] == 2, "what is given stays as it is"


@pytest.mark.parametrize("managers", [(OURS,), (OURS, THEIRS), (without(OURS, "f:replicas"),)], ids=["ours", "shared", "nobody's"])
def test_a_field_of_ours_is_sent_as_it_is_now_or_it_would_go(managers: tuple[dict[str, Any], ...]) -> None:
    assert sent(MANIFEST, live(*managers), ["spec.replicas"], MANAGER)["spec"]["replicas"] == 5


def test_what_is_not_ignored_is_sent_as_it_is_stated() -> None:
    assert sent(MANIFEST, live(OURS, THEIRS), ["spec.other"], MANAGER) == MANIFEST
    assert sent(MANIFEST, None, ["spec.replicas"], MANAGER) == MANIFEST


def test_a_path_into_a_list_is_passed_over_as_the_provider_does() -> None:
    route = {"metadata": {"name": "it"}, "spec": {"rules": [{"weight": 100}]}}
    other = {"manager": "gatewayAPI", "fieldsV1": {"f:spec": {"f:rules": {}}}}
    there = {"metadata": {"managedFields": [other]}, "spec": {"rules": [{"weight": 50}]}}
    assert sent(route, there, ["spec.rules[*].weight"], MANAGER) == route


def test_what_was_stated_is_seen_as_others_left_it() -> None:
    inputs = {"spec": {"cpu": 6, "rules": [{"name": "a", "weight": 100}], "gone": 1, "token": SecretValue("x")}}
    applied = {"spec": {"cpu": "6", "rules": [{"name": "a", "weight": 100}], "gone": 1, "token": "x", "defaulted": True}, "status": {}}
    there = {"spec": {"cpu": "6", "rules": [{"name": "a", "weight": 50}], "token": "x", "defaulted": True, "more": 1}, "status": {"x": 1}}
    found = seen(inputs, applied, there)
    assert found == {"spec": {"cpu": 6, "rules": [{"name": "a", "weight": 50}], "token": SecretValue("x")}}
    assert seen(inputs, applied, applied) is inputs


def test_a_list_of_another_length_is_seen_whole() -> None:
    assert seen({"a": [1, 2]}, {"a": [1, 2]}, {"a": [1]}) == {"a": [1]}


def test_conditions_and_force_are_read_from_annotations() -> None:
    waits = {"metadata": {"annotations": {"pulumi.com/waitFor": "condition=Available", "pulumi.com/patchForce": "true"}}}
    assert condition(MANIFEST, {})
    assert (forced(MANIFEST), forced(waits)) == (False, True)
    assert not condition(waits, {})
    assert not condition(waits, {"status": {"conditions": [{"type": "Available", "status": "False"}]}})
    assert condition(waits, {"status": {"conditions": [{"type": "Available", "status": "True"}]}})
