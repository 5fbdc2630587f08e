"""Analysis of a new version on its own pods: its arguments, and the objects for Argo Rollouts.

An empty answer of Prometheus is no good sign: every condition asks first whether there is a number, so that a version which nobody can see
is rolled back like one that fails. Source: argoproj/argo-rollouts#1466 and docs/features/analysis.md.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving.counted import Counted
from components.kubernetes.serving.objectives import ObjectivesArgs, objectives
from components.spec import Duration, Problem, Spec, rule

VERSION = 'rollouts_pod_template_hash="{{args.version}}"'
"""Narrows PromQL to the pods of one version: the label rollouts-pod-template-hash, as Prometheus spells it."""
SHORTEST_WINDOW = 60
"""Seconds over which a rate is taken at least: four scrapes."""
UNREACHABLE = 4
"""Times in a row that Prometheus may fail to answer."""


class GatesArgs(Spec):
    """How a new version is measured: often enough that a bad one is told before the next step."""

    interval: Duration = Duration("1m")
    """Time between two measurements, 5s to 10m."""
    delay: Duration = Duration("2m")
    """Time from its first requests to the first measurement, up to 1h: rates need some."""
    failures: Annotated[int, Field(ge=0, le=20)] = 2
    """Measurements that may fail, or find nothing to measure, in all; one more rolls the version back."""

    @property
    def least(self) -> int:
        """Seconds after which a version that fails every measurement has been told."""
        return self.delay.seconds + self.interval.seconds * (self.failures + 1)

    @rule("interval", "delay")
    def _bounded(self) -> Iterator[Problem]:
        if not 5 <= self.interval.seconds <= 600:
            yield Problem(("interval",), f"{self.interval} is outside 5s to 10m")
        if self.delay.seconds > 3_600:
            yield Problem(("delay",), f"{self.delay} is more than 1h")


def gated(
    args: ObjectivesArgs,
    counted: Counted,
    gates: GatesArgs,
    identity: Identity,
    prometheus: str,
    *,
    role: str,
    watched: int = 0,
    asked: str = "",
) -> Manifest:
    """The AnalysisTemplate `<name>-<role>`: each promise of the endpoint, kept by the new version alone.

    `counted` is what the engine counts, `watched` for how many seconds; 0 for as long as the rollout takes. `asked` is PromQL that is 1
    while the whole endpoint answers its probe: nothing takes over while it does not, whoever is to blame.
    """
    window = f"{max(gates.interval.seconds, SHORTEST_WINDOW)}s"
    metrics = []
    for promise in objectives(args, identity, VERSION, counted):
        bad, every = (part.replace("{window}", window) for part in (promise.bad, promise.every))
        metrics.append(_metric(promise.name, f"{bad} / {every}", f"result[0] <= {promise.budget:.6g}", gates, prometheus))
    metrics += [_metric("probe", asked, "result[0] == 1", gates, prometheus)] if asked else []
    count = {"count": max((watched - gates.delay.seconds) // gates.interval.seconds, 1)} if watched else {}
    return _template(identity, role, [{**metric, "initialDelay": f"{gates.delay.seconds}s", **count} for metric in metrics])


def answering(gates: GatesArgs, identity: Identity, prometheus: str, *, role: str, watched: int) -> Manifest:
    """The AnalysisTemplate `<name>-<role>` for pods that have no requests yet: every one of them answers whoever scrapes it."""
    query = f'min(up{{namespace="{identity.namespace}",{VERSION}}})'
    metric = _metric("answering", query, "result[0] == 1", gates, prometheus)
    count = max(watched // gates.interval.seconds, 1)
    return _template(identity, role, [{**metric, "initialDelay": f"{gates.interval.seconds}s", "count": count}])


def _metric(name: str, query: str, holds: str, gates: GatesArgs, prometheus: str) -> Manifest:
    return {
        "name": name,
        "interval": f"{gates.interval.seconds}s",
        "failureLimit": gates.failures,
        "consecutiveErrorLimit": UNREACHABLE,
        "successCondition": f"len(result) > 0 && !isNaN(result[0]) && {holds}",
        "provider": {"prometheus": {"address": prometheus, "query": query}},
    }


def _template(identity: Identity, role: str, metrics: list[Manifest]) -> Manifest:
    return {
        "api_version": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": identity.metadata(f"{identity.name}-{role}"),
        "spec": {"args": [{"name": "version"}], "metrics": metrics},
    }
