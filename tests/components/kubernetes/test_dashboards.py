"""The dashboard of an endpoint: what Grafana needs of it, and that it looks at what rules and autoscaler look at."""

import json
from typing import Any

from components.kubernetes.manifests import Identity
from components.kubernetes.serving.dashboards import dashboard
from components.kubernetes.serving.objectives import ObjectivesArgs, prometheus_rule
from components.kubernetes.serving.scaling import queue_query

LABELS = {"app.kubernetes.io/name": "inference-endpoint", "app.kubernetes.io/component": "chat"}
IDENTITY = Identity("chat", "groundwork-fra1-endpoint-chat", LABELS)
PROMISES = ObjectivesArgs.model_validate({"errors": "1%", "ttft_p95": "2.5s"})


def shown(engine: Any, args: ObjectivesArgs = PROMISES) -> dict[str, Any]:
    (text,) = dashboard(IDENTITY, args, engine)["data"].values()
    read: dict[str, Any] = json.loads(text)
    return read


def exprs(read: dict[str, Any]) -> set[str]:
    return {target["expr"] for panel in read["panels"] for target in panel["targets"]}


def test_a_sidecar_finds_it_and_grafana_can_tell_it_apart(endpoint_args: Any) -> None:
    made = dashboard(IDENTITY, PROMISES, endpoint_args().engine)
    assert made["metadata"]["labels"]["grafana_dashboard"] == "1"
    read = shown(endpoint_args().engine)
    assert 0 < len(read["uid"]) <= 40
    ids = [panel["id"] for panel in read["panels"]]
    assert len(ids) == len(set(ids))
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in read["panels"]]
    assert len(places) == len(set(places))
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in read["panels"])


def test_it_shows_what_is_promised_and_what_scales(endpoint_args: Any) -> None:
    engine = endpoint_args().engine
    recorded = {r["record"] for group in prometheus_rule(IDENTITY, PROMISES)["spec"]["groups"] for r in group["rules"] if "record" in r}
    drawn = exprs(shown(engine))
    assert all(any(expr.startswith(name + "{") for expr in drawn) for name in recorded)
    assert queue_query(engine.queue_metric, IDENTITY) in drawn


def test_nothing_is_drawn_that_an_engine_does_not_count(endpoint_args: Any, container_engine: dict[str, Any]) -> None:
    errors = ObjectivesArgs.model_validate({"errors": "1%"})
    drawn = exprs(shown(endpoint_args(engine=container_engine).engine, errors))
    assert not [expr for expr in drawn if "vllm:" in expr]


def test_endpoints_of_one_namespace_have_a_dashboard_each(endpoint_args: Any) -> None:
    space = "groundwork-prod-team-vision"
    two = [dashboard(Identity(name, space, LABELS), PROMISES, endpoint_args().engine)["data"] for name in ("caption", "detect")]
    assert len({file for data in two for file in data}) == 2
    uids = {json.loads(text)["uid"] for data in two for text in data.values()}
    assert len(uids) == 2
    assert all(len(uid) <= 40 for uid in uids)
