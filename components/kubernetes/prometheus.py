"""Rules as the Prometheus operator takes them. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from components.kubernetes.manifests import Manifest

Severity = Literal["page", "ticket"]
"""What cannot wait, and what can."""
Rule = dict[str, Any]
"""A recording rule or an alert, as Prometheus spells it."""


def prometheus_rule(metadata: Manifest, groups: Mapping[str, Sequence[Rule]]) -> Manifest:
    """Rules by the name of their group (monitoring.coreos.com/v1)."""
    listed = [{"name": name, "rules": list(rules)} for name, rules in groups.items()]
    return {"api_version": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": {"groups": listed}}


def alert(
    name: str, expr: str, severity: Severity, summary: str, runbook: str, *, lasting: str = "", labels: Mapping[str, str] | None = None
) -> Rule:
    """One alert. `lasting` is how long its condition holds before it fires, `runbook` the name of a page in docs/runbooks."""
    return {
        "alert": name,
        "expr": expr,
        **({"for": lasting} if lasting else {}),
        "labels": {**(labels or {}), "severity": severity},
        "annotations": {"summary": summary, "runbook": f"docs/runbooks/{runbook}.md"},
    }
