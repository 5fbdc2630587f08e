"""Dashboards for a Grafana whose sidecar reads ConfigMaps. Pure functions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from components.kubernetes.manifests import Manifest

SIDECAR = "grafana_dashboard"
"""Label by which Grafana's sidecar finds dashboards. It is the default of its Helm chart (sidecar.dashboards.label)."""
SCHEMA = 39
"""Version of Grafana's dashboard model; Grafana brings older ones up to date when it reads them."""
WIDTH, HEIGHT = 12, 8
"""Of a panel, of the 24 columns of a dashboard."""
UID = 40
"""Characters of a dashboard's uid. Source: Grafana HTTP API, "Dashboard HTTP API": identifier and unique identifier."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph: its series by legend, and the unit that Grafana writes."""

    title: str
    series: tuple[tuple[str, str], ...]
    """Legend and PromQL."""
    unit: str
    limit: float | None = None
    """Where a line is drawn."""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. `uid` is at most `UID` characters, unique in a Grafana."""

    title: str
    uid: str
    tag: str
    panels: Sequence[Panel]


def config_map(board: Board, metadata: Manifest, file: str) -> Manifest:
    """The ConfigMap that Grafana's sidecar reads; `file` is unique among all that it reads."""
    written = json.dumps(_written(board), indent=1, sort_keys=True)
    return {"metadata": {**metadata, "labels": {**metadata["labels"], SIDECAR: "1"}}, "data": {file: written}}


def _written(board: Board) -> Manifest:
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "title": board.title,
        "uid": board.uid,
        "schemaVersion": SCHEMA,
        "tags": ["groundwork", board.tag],
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [source]},
        "panels": [_panel(number, panel) for number, panel in enumerate(board.panels)],
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
