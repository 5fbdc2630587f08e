"""What makes the number of replicas change: what a stack file may say about it, and the object for KEDA."""

from typing import Annotated

from pydantic import Field

from components.kubernetes.manifests import Identity, Manifest
from components.spec import Duration, Problem, Spec, rule


class ScaleArgs(Spec):
    """How many replicas run, and what makes their number change."""

    min: Annotated[int, Field(ge=1, le=1_000)]
    """Fewest replicas. At least 1: at zero no pod is left to report a queue, so nothing would wake the endpoint."""
    max: Annotated[int, Field(ge=1, le=1_000)]
    """Most replicas."""
    waiting: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Requests waiting per replica above which one more replica is added."""
    settle: Duration = Duration("10m")
    """How long the queue must stay short before replicas are removed, 5m to 1h."""

    @rule("min", "max")
    def _ordered(self) -> list[Problem]:
        if self.min <= self.max:
            return []
        return [Problem(("min",), f"min {self.min} is more than max {self.max}: lower min or raise max")]

    @rule("settle")
    def _settles(self) -> list[Problem]:
        if 300 <= self.settle.seconds <= 3_600:
            return []
        return [Problem(("settle",), f"{self.settle} is outside 5m to 1h: shorter throws away replicas that took minutes to load")]


def queue_query(metric: str, namespace: str) -> str:
    """PromQL for the number of requests waiting in all replicas, of a gauge that each has."""
    return f'sum({metric}{{namespace="{namespace}"}})'


def scaled_object(identity: Identity, args: ScaleArgs, queue_metric: str, prometheus: str) -> Manifest:
    """Scaling on queue depth (KEDA). A missing series is an error and not an empty queue; then no replica is taken away."""
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": prometheus,
            "query": queue_query(queue_metric, identity.namespace),
            "threshold": str(args.waiting),
            "ignoreNullValues": "false",
        },
    }
    return {
        "api_version": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": identity.metadata(),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": identity.name},
            "pollingInterval": 15,
            "minReplicaCount": args.min,
            "maxReplicaCount": args.max,
            "fallback": {"failureThreshold": 3, "replicas": args.min, "behavior": "currentReplicasIfHigher"},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(args.settle.seconds)}},
            "triggers": [trigger],
        },
    }


def _behavior(settle: int) -> Manifest:
    """One replica more or less at a time; less only after `settle` seconds of a short queue."""
    return {
        "scaleUp": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
        "scaleDown": {"stabilizationWindowSeconds": settle, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
    }
