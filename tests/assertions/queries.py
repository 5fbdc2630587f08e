"""Every PromQL of a graph, where it stands, and what it names; which exporters a stack has to answer it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as promql

from components.kubernetes.metrics import Kind, exporters
from graph.model import Graph, Resource
from infra.any_platform import AnyPlatform

RATES = frozenset({"rate", "irate", "increase"})
CUSTOM = "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
SCALED, ANALYSIS = "kubernetes:keda.sh/v1alpha1:ScaledObject", "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate"
CONFIG = "kubernetes:core/v1:ConfigMap"
WORKLOADS = ("kubernetes:apps/v1:Deployment", "kubernetes:argoproj.io/v1alpha1:Rollout")
GROUPS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"


@dataclass(frozen=True)
class Query:
    where: str
    text: str


@dataclass(frozen=True)
class Named:
    """A series that a query names. `rated`: under rate() or its like."""

    metric: str
    rated: bool
    labels: tuple[tuple[str, str], ...]


def queries(graph: Graph) -> Iterator[Query]:
    """Every query of a graph: autoscaling, rules, analyses, dashboards."""
    for resource in graph.of_type(SCALED, CUSTOM, ANALYSIS, CONFIG):
        for text in READERS[resource.type](resource):
            yield Query(f"{resource.type.rsplit(':', 1)[1]} {resource.name}", text)


def _scaled(resource: Resource) -> Iterator[str]:
    yield from (t["metadata"]["query"] for t in resource.inputs["spec"]["triggers"] if t["type"] == "prometheus")


def rules(resource: Resource) -> Iterator[dict[str, Any]]:
    for group in resource.inputs["spec"]["groups"]:
        yield from group["rules"]


def _analysis(resource: Resource) -> Iterator[str]:
    yield from (m["provider"]["prometheus"]["query"] for m in resource.inputs["spec"]["metrics"] if "prometheus" in m["provider"])


def _dashboards(resource: Resource) -> Iterator[str]:
    if "grafana_dashboard" in resource.inputs["metadata"].get("labels", {}):
        for text in resource.inputs["data"].values():
            yield from (target["expr"] for panel in json.loads(text)["panels"] for target in panel["targets"])


READERS = {
    SCALED: _scaled,
    CUSTOM: lambda resource: (rule["expr"] for rule in rules(resource)),
    ANALYSIS: _analysis,
    CONFIG: _dashboards,
}


def named(text: str) -> Iterator[Named]:
    """Every series that a query names. Raises ValueError where it is no PromQL."""
    yield from _walk(promql.parse(text), rated=False)


def _walk(node: Any, *, rated: bool) -> Iterator[Named]:
    match node:
        case promql.VectorSelector():
            yield Named(node.name or "", rated, tuple((m.name, m.value) for m in node.matchers.matchers))
        case promql.MatrixSelector():
            yield from _walk(node.vector_selector, rated=rated)
        case promql.Call():
            for argument in node.args:
                yield from _walk(argument, rated=rated or node.func.name in RATES)
        case promql.BinaryExpr():
            yield from _walk(node.lhs, rated=rated)
            yield from _walk(node.rhs, rated=rated)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
            yield from _walk(node.expr, rated=rated)


def pod_of(workload: Resource) -> Iterator[dict[str, Any]]:
    """The pod templates of a workload."""
    spec = workload.inputs["spec"]
    if workload.type == GROUPS:
        yield from (template for key, template in spec["leaderWorkerTemplate"].items() if key.endswith("Template"))
    else:
        yield spec["template"]


def servers(graph: Graph) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Containers that serve a model, with their workload."""
    for workload in graph.of_type(*WORKLOADS, GROUPS):
        if workload.inputs["metadata"]["labels"].get("app.kubernetes.io/name") == "inference-endpoint":
            yield from ((workload, c) for pod in pod_of(workload) for c in pod["spec"]["containers"] if c["name"] == "server")


def present(graph: Graph, platform: AnyPlatform) -> set[str]:
    """Exporters that a stack installs, runs or says to be there."""
    charts = {r.inputs["name"] for r in graph.of_type("kubernetes:helm.sh/v3:Release")}
    programs = {"vllm": "vllm", "tritonserver": "triton"}
    run = {programs[word] for _, c in servers(graph) for word in c.get("command", ())[:1] if word in programs}
    around = (
        {"prometheus", "kube-state-metrics"} if platform.operators.has("kube-prometheus-stack") or platform.operators.prometheus else set()
    )
    run |= {"probe"} if any(one.probe for one in platform.endpoints.values()) else set()
    return {name for name in exporters() if name in charts or platform.operators.has(name)} | run | around  # type: ignore[arg-type]


def answered(graph: Graph, platform: AnyPlatform) -> dict[str, Kind]:
    """Series that somebody in a stack gives or records, and those that its author vouches for."""
    found: dict[str, Kind] = {}
    for name in present(graph, platform):
        found |= exporters()[name].series
    for resource in graph.of_type(CUSTOM):
        found |= {rule["record"]: "gauge" for rule in rules(resource) if "record" in rule}
    for endpoint in platform.endpoints.values():
        found |= {endpoint.engine.queue_metric: "gauge"} if endpoint.engine.kind == "container" else {}
        found |= {one.metric: "gauge" for one in named(endpoint.scale.wake.query)} if endpoint.scale.wake else {}
    return found


def wrong(query: Query, known: dict[str, Kind], *, cut: bool) -> Iterator[str]:
    """What is wrong with a query. `cut`: some pool of the stack is of MIG, where utilisation of a GPU is not told."""
    for one in named(query.text):
        if one.metric not in known:
            yield f"{query.where} names {one.metric}, which nothing in the stack exports"
        elif one.rated and known[one.metric] == "gauge":
            yield f"{query.where} takes a rate of {one.metric}, a gauge"
        if cut and one.metric == "DCGM_FI_DEV_GPU_UTIL":
            yield f"{query.where} looks at {one.metric}, which MIG does not tell"
