"""Alerts on GPUs and their dashboard: they look at what the exporter is told to export, by labels that its series have."""

import json
from typing import Any

import promql_parser as promql
import pytest

from components.contracts import AcceleratorPool, Taint
from components.kubernetes.addons.table import table
from components.kubernetes.addons.values import dcgm_exporter
from components.kubernetes.gpus.board import dashboard, panels
from components.kubernetes.gpus.counters import EXPORTER, counters
from components.kubernetes.gpus.rules import FATAL, prometheus_rule
from components.kubernetes.manifests import Identity
from components.kubernetes.metrics import exporters
from tests.assertions.queries import named

IDENTITY = Identity("gpus", "dcgm-exporter", {})
RULES = [rule for group in prometheus_rule(IDENTITY)["spec"]["groups"] for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
SURVIVING = {"node", "gpu", "modelName", "namespace", "pod", "xid", "clock_event", "resource"}
"""Labels that the exporter writes, that Kubernetes adds to them, and that relabelling and a rule of ours add."""
POOL = AcceleratorPool(
    "serving", "g6e.4xlarge", "l40s", "nvidia.com/gpu", 1, 46068, {"pool": "serving"}, (Taint("nvidia.com/gpu", "", "NoSchedule"),), 4, ()
)


def test_the_exporter_is_told_to_export_all_that_is_asked_and_no_less_than_by_default() -> None:
    rows = dict(line.split(", ", 2)[:2] for line in dcgm_exporter([POOL])["customMetrics"].splitlines())
    assert rows.items() >= exporters()[EXPORTER].series.items()
    assert rows["DCGM_FI_DRIVER_VERSION"] == "label"
    assert all(line.count(",") == 2 for line in counters().splitlines())


def test_what_is_off_by_default_is_asked_for_because_somebody_looks_at_it() -> None:
    looked_at = {one.metric for rule in RULES for one in named(rule["expr"])}
    assert exporters()[EXPORTER].asked <= looked_at


@pytest.mark.parametrize("expr", [rule["expr"] for rule in RULES] + [query for panel in panels() for _, query in panel.series])
def test_queries_name_labels_that_survive_the_way_to_prometheus(expr: str) -> None:
    matched = {label for one in named(expr) for label, _ in one.labels}
    assert matched | set(grouped(promql.parse(expr))) <= SURVIVING


def grouped(node: Any) -> list[str]:
    found = list(node.modifier.labels) if isinstance(node, promql.AggregateExpr) and node.modifier else []
    below = [getattr(node, name) for name in ("expr", "lhs", "rhs") if hasattr(node, name)]
    return found + [label for each in [*below, *getattr(node, "args", [])] for label in grouped(each)]


def test_the_labels_of_the_node_and_of_who_holds_a_gpu_are_kept_by_the_monitor() -> None:
    monitor = table()[EXPORTER].values["serviceMonitor"]
    assert monitor["honorLabels"] is True
    assert [rule["targetLabel"] for rule in monitor["relabelings"]] == ["node"]


def test_a_gpu_that_nobody_holds_is_not_taken_for_one_that_the_exporter_holds() -> None:
    assert f'namespace!="{table()[EXPORTER].namespace}"' in ALERTS["GpuIdle"]["expr"]


def test_faults_of_programs_page_nobody() -> None:
    assert not {13, 31, 43, 45} & set(FATAL)
    assert {48, 63, 64, 74, 79, 95} <= set(FATAL)


def test_the_dashboard_is_found_and_drawn() -> None:
    made = dashboard(Identity("gpus", "dcgm-exporter", {"a": "b"}))
    assert made["metadata"]["labels"] == {"a": "b", "grafana_dashboard": "1"}
    read = json.loads(made["data"]["gpus.json"])
    assert [panel["title"] for panel in read["panels"]] == [panel.title for panel in panels()]
