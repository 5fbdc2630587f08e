"""A dashboard of one endpoint for Grafana, made of the very expressions that its rules and its autoscaler look at. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving.engines import Engine
from components.kubernetes.serving.monitor import series
from components.kubernetes.serving.objectives import TTFT, WINDOWS, Objective, ObjectivesArgs, objectives
from components.kubernetes.serving.scaling import queue_query

SIDECAR = "grafana_dashboard"
"""Label by which Grafana's sidecar finds dashboards. It is the default of its Helm chart (sidecar.dashboards.label)."""
SCHEMA = 39
"""Version of Grafana's dashboard model; Grafana brings older ones up to date when it reads them."""
WIDTH, HEIGHT = 12, 8
"""Of a panel, of the 24 columns of a dashboard."""
RECENT = "5m"
"""Window of rates that are shown."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph: its series by legend, and the unit that Grafana writes."""

    title: str
    series: tuple[tuple[str, str], ...]
    """Legend and PromQL."""
    unit: str
    limit: float | None = None
    """Where a line is drawn."""


def panels(identity: Identity, args: ObjectivesArgs, engine: Engine) -> tuple[Panel, ...]:
    """What is shown of an endpoint."""
    here, promises = f"{{{series(identity)}}}", objectives(args, identity, counted=engine.counts)
    recorded = f'{{namespace="{identity.namespace}",endpoint="{identity.name}"}}'
    shown = [_promise(promise, recorded) for promise in promises]
    shown += [Panel("Requests", (("a second", promises[0].every.replace("{window}", RECENT)),), "reqps")]
    loads = [("waiting", engine.queue_metric), ("running", engine.running_metric)]
    shown += [Panel("In flight", tuple((name, queue_query(metric, identity)) for name, metric in loads if metric), "short")]
    shown += [Panel("Replicas that answer", (("replicas", f"count(up{here} == 1)"),), "short")]
    if engine.cache_metric:
        shown += [Panel("Key-value cache in use", (("fullest replica", f"max({engine.cache_metric}{here})"),), "percentunit", 1)]
    if args.ttft_p95:
        shown += [_first_token(args.ttft_p95.value / 1000, here)]
    return tuple(shown)


def _promise(promise: Objective, here: str) -> Panel:
    series = tuple((f"over {window}", f"{promise.ratio(window)}{here}") for window in WINDOWS)
    return Panel(f"Share of requests: {promise.summary}", series, "percentunit", promise.budget)


def _first_token(promised: float, here: str) -> Panel:
    counted = f"sum by (le) (rate({TTFT}_bucket{here}[{RECENT}]))"
    series = tuple((f"p{share}", f"histogram_quantile({share / 100:g}, {counted})") for share in (50, 95, 99))
    return Panel("Time to first token", series, "s", promised)


def dashboard(identity: Identity, args: ObjectivesArgs, engine: Engine) -> Manifest:
    """The ConfigMap that Grafana's sidecar reads."""
    metadata = identity.metadata(f"{identity.name}-dashboard")
    shown = _written(identity, panels(identity, args, engine))
    return {
        "metadata": {**metadata, "labels": {**metadata["labels"], SIDECAR: "1"}},
        "data": {f"{identity.namespace}.json": json.dumps(shown, indent=1, sort_keys=True)},
    }


def _written(identity: Identity, shown: Sequence[Panel]) -> Manifest:
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "title": f"Endpoint {identity.name} ({identity.namespace})",
        "uid": identity.namespace[-40:],
        "schemaVersion": SCHEMA,
        "tags": ["groundwork", "inference-endpoint"],
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [source]},
        "panels": [_panel(number, panel) for number, panel in enumerate(shown)],
    }


def _panel(number: int, panel: Panel) -> Manifest:
    marks = [{"color": "green", "value": None}, *([{"color": "red", "value": panel.limit}] if panel.limit is not None else [])]
    drawn = {"thresholdsStyle": {"mode": "line" if panel.limit is not None else "off"}}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": WIDTH * (number % 2), "y": HEIGHT * (number // 2), "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": drawn, "thresholds": {"mode": "absolute", "steps": marks}},
            "overrides": [],
        },
        "targets": [{"refId": chr(65 + i), "expr": query, "legendFormat": legend} for i, (legend, query) in enumerate(panel.series)],
    }
