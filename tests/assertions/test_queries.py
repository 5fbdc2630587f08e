"""Queries, over every stack: each names what something in its stack exports, and what is promised can be measured and broken."""

from pathlib import Path
from typing import Any

import pytest

from components.kubernetes.metrics import buckets, exporters
from tests.assertions.graphs import STACKS, graph, platform
from tests.assertions.queries import CUSTOM, Query, answered, named, queries, rules, wrong

ROOT = Path(__file__).parents[2]
MONITOR = ("kubernetes:monitoring.coreos.com/v1:PodMonitor",)


def cut(stack: str) -> bool:
    pools: Any = getattr(platform(stack).cluster, "pools", {})
    return any(getattr(getattr(pool, "sharing", None), "kind", "") == "mig" for pool in pools.values())


@pytest.mark.parametrize("stack", STACKS)
def test_every_query_names_what_its_stack_exports(stack: str) -> None:
    known = answered(graph(stack), platform(stack))
    assert [text for query in queries(graph(stack)) for text in wrong(query, known, cut=cut(stack))] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('sum(vllm:gpu_cache_usage_perc{namespace="x"})', "which nothing in the stack exports"),
        ("sum(nv_inference_count)", "which nothing in the stack exports"),
        ("rate(vllm:num_requests_waiting[5m])", "a gauge"),
        ("sum(increase(DCGM_FI_DEV_XID_ERRORS[1h])) > 0", "a gauge"),
        ("max_over_time(irate(up[5m])[1h:1m])", "a gauge"),
        ("avg(DCGM_FI_DEV_GPU_UTIL)", "which MIG does not tell"),
    ],
)
def test_a_wrong_query_is_seen(text: str, told: str) -> None:
    known = {name: kind for exporter in ("vllm", "dcgm-exporter", "prometheus") for name, kind in exporters()[exporter].series.items()}
    assert any(told in found for found in wrong(Query("here", text), known, cut=True))


def test_a_sound_query_is_let_be() -> None:
    known = exporters()["vllm"].series
    text = 'sum(rate(http_requests_total{status="5xx"}[5m])) / sum(rate(vllm:time_to_first_token_seconds_bucket{le="2.5"}[5m]))'
    assert list(wrong(Query("here", text), dict(known), cut=True)) == []


def test_queries_of_every_kind_were_found() -> None:
    assert {query.where.split(" ")[0] for stack in STACKS for query in queries(graph(stack))} >= {
        "ScaledObject",
        "PrometheusRule",
        "ConfigMap",
    }


@pytest.mark.parametrize("stack", STACKS)
def test_thresholds_of_latency_are_bounds_that_are_counted(stack: str) -> None:
    for query in queries(graph(stack)):
        for one in named(query.text):
            bounds = [value for label, value in one.labels if label == "le"]
            for bound in bounds:
                assert float(bound) in buckets("vllm", one.metric.removesuffix("_bucket"))


@pytest.mark.parametrize("stack", STACKS)
def test_alerts_can_fire_are_pages_or_tickets_and_say_what_to_do(stack: str) -> None:
    for resource in graph(stack).of_type(CUSTOM):
        recorded = {rule["record"] for rule in rules(resource) if "record" in rule}
        for rule in rules(resource):
            if "alert" not in rule:
                continue
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert (ROOT / rule["annotations"]["runbook"]).is_file()
            used = {one.metric for one in named(rule["expr"])} & recorded
            if "window" in rule["labels"]:
                assert len(used) == 2, "the long and the short window"
                limits = [float(part.split(" ")[0]) for part in rule["expr"].split(" > ")[1:3]]
                assert max(limits) < 1, "a ratio above 1 cannot be, and the alert never fires"


@pytest.mark.parametrize("stack", STACKS)
def test_monitors_find_pods_and_their_ports(stack: str) -> None:
    made = graph(stack)
    pods = [
        (r.inputs["metadata"]["namespace"], template)
        for r in made.custom
        for template in _templates(r.inputs.get("spec") if isinstance(r.inputs.get("spec"), dict) else {})
        if "namespace" in r.inputs.get("metadata", {})
    ]
    for monitor in made.of_type(*MONITOR):
        labels = monitor.inputs["spec"]["selector"]["matchLabels"].items()
        namespace = monitor.inputs["metadata"]["namespace"]
        found = [t for where, t in pods if where == namespace and labels <= t["metadata"]["labels"].items()]
        assert found, f"{monitor.name} selects no pod"
        for endpoint in monitor.inputs["spec"]["podMetricsEndpoints"]:
            ports = {port["name"] for t in found for c in t["spec"]["containers"] for port in c.get("ports", ())}
            assert endpoint["port"] in ports


def _templates(spec: Any) -> list[Any]:
    if "leaderWorkerTemplate" in spec:
        return [template for key, template in spec["leaderWorkerTemplate"].items() if key.endswith("Template")]
    return [spec["template"]] if "spec" in spec.get("template", {}) and "containers" in spec["template"]["spec"] else []
