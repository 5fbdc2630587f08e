"""Objectives of an endpoint, as Prometheus rules: a ratio of bad requests for each window, and alerts on how fast the budget burns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.kubernetes import prometheus
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.metrics import buckets
from components.kubernetes.prometheus import Rule, Severity, alert
from components.kubernetes.serving.counted import VLLM, Counted
from components.kubernetes.serving.monitor import series
from components.spec import Duration, Percent, Problem, Spec, rule

TTFT = VLLM.first_token
SLOW = 5.0
"""Percent of requests that may take longer than a p95 objective says."""
MOST_ERRORS = 600
"""Basis points. At a burn of 14.4 a budget above 6.9 % cannot be burnt, and its alert could never fire."""
LEAST_REQUESTS = 20
"""Requests within the long window below which nothing is concluded from their ratio."""
SILENT_AFTER = "10m"
SERVER = "server"
"""Name of the container that serves."""


class ObjectivesArgs(Spec):
    """What the endpoint promises over thirty days. Each promise becomes recording rules and alerts on how fast its budget burns."""

    errors: Percent
    """Share of requests that may be answered with a server error (5xx): more than 0% up to 6%."""
    dashboard: bool = False
    """Whether there is a dashboard of the endpoint, for a Grafana whose sidecar reads ConfigMaps of all namespaces (grafana_dashboard)."""
    ttft_p95: Duration | None = None
    """Time within which 95 of 100 requests have their first token; it must be one of the bounds that vLLM counts by."""

    @rule("errors")
    def _burnable(self) -> Iterator[Problem]:
        if not 0 < self.errors.value <= MOST_ERRORS:
            yield Problem(("errors",), f"{self.errors} is outside 0% to 6%: a budget above that cannot burn fast enough for an alert")

    @rule("ttft_p95")
    def _counted(self) -> Iterator[Problem]:
        if self.ttft_p95 and self.ttft_p95.value / 1000 not in buckets("vllm", TTFT):
            allowed = ", ".join(f"{bound:g}s" for bound in buckets("vllm", TTFT))
            yield Problem(
                ("ttft_p95",), f"{self.ttft_p95} is no bound that vLLM counts by, so nothing could be measured: use one of {allowed}"
            )


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows: the alert fires while the budget burns `factor` times too fast in both."""

    factor: float
    long: str
    short: str
    severity: Severity


BURNS = (Burn(14.4, "1h", "5m", "page"), Burn(6, "6h", "30m", "page"), Burn(3, "1d", "2h", "ticket"), Burn(1, "3d", "6h", "ticket"))
"""Multi-window, multi-burn-rate. Source: Google, The Site Reliability Workbook, chapter 5."""
WINDOWS = tuple(dict.fromkeys(window for burn in BURNS for window in (burn.short, burn.long)))


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise: which requests are bad, of which, and how many may be."""

    name: str
    """For names of rules: errors | slow."""
    alert: str
    summary: str
    bad: str
    """PromQL of the rate of bad requests, with {window}."""
    every: str
    """PromQL of the rate of all of them, with {window}."""
    budget: float
    """Share of requests that may be bad."""
    runbook: str
    """Name of the page in docs/runbooks."""

    def ratio(self, window: str) -> str:
        """Name of the recorded ratio."""
        return f"endpoint:{self.name}:ratio_rate{window}"


def objectives(args: ObjectivesArgs, identity: Identity, also: str = "", counted: Counted = VLLM) -> tuple[Objective, ...]:
    """The promises of one endpoint; `also` narrows them to some of its pods."""
    here = ",".join(filter(None, (series(identity), also)))
    failed, every = counted.failures(here), counted.all_requests(here)
    found = [Objective("errors", "EndpointErrors", "answers with server errors", failed, every, args.errors.value / 1e4, "endpoint-errors")]
    if args.ttft_p95:
        metric, bound = counted.first_token, float(args.ttft_p95.value / 1000)
        answered = f"sum(rate({metric}_count{{{here}}}[{{window}}]))"
        slow = f'({answered} - sum(rate({metric}_bucket{{{here},le="{bound}"}}[{{window}}])))'
        summary = f"takes longer than {args.ttft_p95} to the first token"
        found.append(Objective("slow", "EndpointSlow", summary, slow, answered, SLOW / 100, "endpoint-slow"))
    return tuple(found)


def prometheus_rule(identity: Identity, args: ObjectivesArgs, *, counted: Counted = VLLM, awake: str = "") -> Manifest:
    """Recording rules and alerts of one endpoint (monitoring.coreos.com/v1), told apart from others by its namespace and its monitor.

    `awake` holds while there is a replica, where there may be none; silence is then nothing to tell.
    """
    promises = objectives(args, identity, counted=counted)
    labels = {"endpoint": identity.name, "namespace": identity.namespace}
    groups = {
        f"{identity.name}-ratios": [_recorded(o, window, labels) for o in promises for window in WINDOWS],
        f"{identity.name}-budgets": [_alert(o, burn, labels) for o in promises for burn in BURNS],
        f"{identity.name}-presence": [_silence(identity, labels, awake)],
    }
    return prometheus.prometheus_rule(identity.metadata(), groups)


def _recorded(objective: Objective, window: str, labels: Mapping[str, str]) -> Rule:
    bad, every = (part.replace("{window}", window) for part in (objective.bad, objective.every))
    return {"record": objective.ratio(window), "expr": f"{bad} / {every}", "labels": dict(labels)}


def _alert(objective: Objective, burn: Burn, labels: Mapping[str, str]) -> Rule:
    here = f'{{namespace="{labels["namespace"]}",endpoint="{labels["endpoint"]}"}}'
    limit = f"{burn.factor * objective.budget:.6g}"
    both = " and ".join(f"{objective.ratio(window)}{here} > {limit}" for window in (burn.long, burn.short))
    volume = objective.every.replace("{window}", burn.long).replace("rate(", "increase(")
    expr = f"{both} and on() {volume} > {LEAST_REQUESTS}"
    summary = f"{labels['endpoint']} {objective.summary}: its budget burns {burn.factor:g} times too fast over {burn.long}"
    return alert(objective.alert, expr, burn.severity, summary, objective.runbook, labels={**labels, "window": burn.long})


def _silence(identity: Identity, labels: Mapping[str, str], awake: str) -> Rule:
    """No pod is scraped: the promises can then be neither kept nor seen to be broken."""
    here = series(identity)
    when = f" and on() {awake}" if awake else ""
    summary = f"no pod of {labels['endpoint']} has been scraped for {SILENT_AFTER}"
    return alert(
        "EndpointSilent", f"absent(up{{{here}}} == 1){when}", "page", summary, "endpoint-silent", lasting=SILENT_AFTER, labels=labels
    )
