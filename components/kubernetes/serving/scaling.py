"""Scaling of replicas: its arguments, and the object for KEDA."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints

from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving.coldstart import ADDED_EVERY, ColdStartArgs
from components.kubernetes.serving.engines import Engine
from components.kubernetes.serving.monitor import series
from components.spec import Duration, Name, Percent, Problem, Spec, rule

Kind = tuple[str, str]
"""API version and kind of a workload."""
DEPLOYMENT: Kind = ("apps/v1", "Deployment")
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
"""Least and most of minute, hour, day of the month, month and day of the week."""
STEP = re.compile(r"(\*|[0-9]+(?:-[0-9]+)?)(?:/([0-9]+))?")


def _is_cron(text: str) -> str:
    """The text itself. Raises ValueError when it is no cron expression of five fields."""
    parts = text.split(" ")
    if len(parts) != len(FIELDS) or not all(_within(part, *bounds) for part, bounds in zip(parts, FIELDS, strict=True)):
        raise ValueError('must be a cron expression of five fields, numbers only, such as "0 7 * * 1-5"')
    return text


def _within(part: str, least: int, most: int) -> bool:
    found = [STEP.fullmatch(item) for item in part.split(",")]
    numbers = [int(number) for match in found if match for number in match[1].split("-") if number != "*"]
    return all(found) and all(least <= number <= most for number in numbers)


@cache
def _zones() -> frozenset[str]:
    """Time zones that this machine knows; listing them opens some 600 files."""
    return frozenset(available_timezones())


def _is_zone(text: str) -> str:
    """The text itself. Raises ValueError when this machine knows time zones, and none of that name."""
    known = _zones()
    if known and text not in known:
        raise ValueError('must be a time zone of the IANA database, such as "Europe/Berlin"')
    return text


Cron = Annotated[str, StringConstraints(max_length=100), AfterValidator(_is_cron)]
"""Minute, hour, day of the month, month, day of the week; lists, ranges and steps of numbers."""
TimeZone = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*$"), AfterValidator(_is_zone)]
"""A time zone of the IANA database."""


class ScheduleArgs(Spec):
    """A time of the day or week in which there are at least so many replicas, whatever the queue."""

    start: Cron
    """When it begins."""
    end: Cron
    """When it ends."""
    timezone: TimeZone
    """The time zone that both are in; daylight saving is followed."""
    replicas: Annotated[int, Field(ge=1, le=1_000)]
    """Fewest replicas meanwhile."""

    @rule("start", "end")
    def _ends(self) -> Iterator[Problem]:
        if self.start == self.end:
            yield Problem(("end",), f"{self.end} is when it starts, so it would last no time: give it another end")


class WakeArgs(Spec):
    """What brings back an endpoint that has no replica: a number that somebody counts while none of its pods is there."""

    query: Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\n]+$")]
    """PromQL of what waits for the endpoint, such as jobs in a queue before it; one number."""
    threshold: Annotated[int, Field(ge=1, le=1_000_000)]
    """How much of it one replica takes on; anything above 0 starts the first."""


class ScaleArgs(Spec):
    """How many replicas run, and what makes their number change. The signal that asks for most replicas decides."""

    min: Annotated[int, Field(ge=0, le=1_000)]
    """Fewest replicas. 0 needs `schedules` or `wake`: without a pod there is no queue, so nothing else would bring one back."""
    max: Annotated[int, Field(ge=1, le=1_000)]
    """Most replicas."""
    waiting: Annotated[int, Field(ge=1, le=10_000)] = 5
    """Requests waiting per replica above which one more replica is added."""
    running: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Requests being served per replica above which one more is added, before any waits; of vLLM only. Absent counts the waiting alone."""
    kv_usage: Percent | None = None
    """Share of the key-value cache in use above which a replica is added, 10% to 95%; of vLLM only. Absent does not look at it."""
    settle: Duration = Duration("10m")
    """How long the queue must stay short before replicas are removed, 5m to 1h."""
    schedules: dict[Name, ScheduleArgs] = Field(default_factory=dict)
    """Times with more replicas, by name."""
    warm: Annotated[int, Field(ge=0, le=100)] = 0
    """Replicas that room is held ready for beside those that run, on nodes that have fetched the engine's image: as many are added without
    waiting for either. Each costs what a replica costs. The image must have `sleep`, as those of vLLM and Triton have."""
    cold_start: ColdStartArgs | None = None
    """What is promised of a replica that is added; absent promises nothing."""
    wake: WakeArgs | None = None
    """What starts the first replica of an endpoint that has none."""

    @rule("min", "max")
    def _ordered(self) -> Iterator[Problem]:
        if self.min > self.max:
            yield Problem(("min",), f"min {self.min} is more than max {self.max}: lower min or raise max")

    @rule("settle")
    def _settles(self) -> Iterator[Problem]:
        if not 300 <= self.settle.seconds <= 3_600:
            yield Problem(("settle",), f"{self.settle} is outside 5m to 1h: shorter throws away replicas that took minutes to load")

    @rule("kv_usage")
    def _leaves_cache(self) -> Iterator[Problem]:
        if self.kv_usage and not 1_000 <= self.kv_usage.value <= 9_500:
            yield Problem(("kv_usage",), f"{self.kv_usage} is outside 10% to 95%: a full cache throws requests out before a replica comes")

    @rule("min", "schedules", "wake")
    def _comes_back(self) -> Iterator[Problem]:
        if self.min == 0 and not self.schedules and self.wake is None:
            yield Problem(("min",), "is 0, and nothing would bring a replica back: no pod, no queue; add schedules or wake, or set 1")

    @rule("min", "max", "warm")
    def _warm_for_somebody(self) -> Iterator[Problem]:
        if self.warm and self.min == 0:
            text = f"is {self.warm}, and an endpoint that sleeps would keep its GPUs all the same: set min: 1 or more, or remove it"
            yield Problem(("warm",), text)
        elif self.warm > max(self.max - self.min, 0):
            text = f"is {self.warm}, and no more than {self.max - self.min} replicas are ever added (max less min)"
            yield Problem(("warm",), f"{text}: lower it, or raise max")

    @rule("min", "max", "schedules")
    def _schedules_matter(self) -> Iterator[Problem]:
        for name, times in self.schedules.items():
            if not self.min < times.replicas <= self.max:
                allowed = f"more than min, {self.min}, and at most max, {self.max}"
                yield Problem(("schedules", name, "replicas"), f"{times.replicas} would change nothing or not be reached: set {allowed}")


def misjudged(scale: ScaleArgs, engine: Engine) -> Iterator[Problem]:
    """Signals that an engine does not give, by path within the endpoint, and a waker that sleeps with its endpoint."""
    for field, signal in (("running", engine.running_metric), ("kv_usage", engine.cache_metric)):
        if getattr(scale, field) is not None and not signal:
            yield Problem(("scale", field), f"is not counted by a {engine.kind}: remove it, or use vllm; waiting is counted by all")
    if scale.wake and (re.search(r"\bvllm:", scale.wake.query) or engine.queue_metric in scale.wake.query):
        text = "counts what the endpoint's own pods report, and at zero there are none: name what is counted before they are reached"
        yield Problem(("scale", "wake", "query"), text)


def queue_query(metric: str, identity: Identity) -> str:
    """PromQL for a gauge that each replica has, summed over all of them."""
    return f"sum({metric}{{{series(identity)}}})"


def _held(namespace: str, gpu_resource: str) -> str:
    """PromQL of the GPUs that pods of the namespace hold; nothing when nobody knows.

    `namespace` is the quota's own: honorLabels is set for kube-state-metrics in values.yaml of prometheus-community's
    kube-prometheus-stack.
    """
    return f'sum(kube_resourcequota{{namespace="{namespace}",resource="requests.{gpu_resource}",type="used"}})'


def asleep(namespace: str, gpu_resource: str) -> str:
    """PromQL that is 0 while no pod of the namespace holds a GPU, and nothing otherwise or when nobody knows."""
    return f"{_held(namespace, gpu_resource)} == 0"


def awake(namespace: str, gpu_resource: str) -> str:
    """PromQL that holds while a pod of the namespace holds a GPU."""
    return f"{_held(namespace, gpu_resource)} > 0"


def triggers(scale: ScaleArgs, engine: Engine, identity: Identity, gpu_resource: str, prometheus: str) -> list[Manifest]:
    """What KEDA looks at. A missing series is an error and not an empty queue, but where it is known that no pod is there to have one."""
    share = f"{scale.kv_usage.value / 10_000:g}" if scale.kv_usage else ""
    signals = [(engine.queue_metric, str(scale.waiting)), (engine.running_metric, str(scale.running or "")), (engine.cache_metric, share)]
    none = f" or ({asleep(identity.namespace, gpu_resource)})" if scale.min == 0 else ""
    queries = [(f"{queue_query(metric, identity)}{none}", threshold) for metric, threshold in signals if threshold]
    queries += [(scale.wake.query, str(scale.wake.threshold))] if scale.wake else []
    return [*(_prometheus(prometheus, query, threshold) for query, threshold in queries), *map(_cron, scale.schedules.values())]


def _prometheus(address: str, query: str, threshold: str) -> Manifest:
    metadata = {"serverAddress": address, "query": query, "threshold": threshold, "ignoreNullValues": "false"}
    return {"type": "prometheus", "metricType": "AverageValue", "metadata": metadata}


def _cron(times: ScheduleArgs) -> Manifest:
    metadata = {"timezone": times.timezone, "start": times.start, "end": times.end, "desiredReplicas": str(times.replicas)}
    return {"type": "cron", "metadata": metadata}


def scaled_object(identity: Identity, args: ScaleArgs, looked_at: list[Manifest], target: Kind = DEPLOYMENT) -> Manifest:
    """The object that has KEDA set the replicas of `target` by its triggers; when it cannot see, it takes none away."""
    api, kind = target
    return {
        "api_version": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": identity.metadata(),
        "spec": {
            "scaleTargetRef": {"apiVersion": api, "kind": kind, "name": identity.name},
            "pollingInterval": 15,
            **({"cooldownPeriod": args.settle.seconds} if args.min == 0 else {}),
            "minReplicaCount": args.min,
            "maxReplicaCount": args.max,
            "fallback": {"failureThreshold": 3, "replicas": max(args.min, 1), "behavior": "currentReplicasIfHigher"},
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behavior(args.settle.seconds)}},
            "triggers": looked_at,
        },
    }


def _behavior(settle: int) -> Manifest:
    """One replica more or less at a time; less only after `settle` seconds of a short queue."""
    return {
        "scaleUp": {"stabilizationWindowSeconds": 30, "policies": [{"type": "Pods", "value": 1, "periodSeconds": ADDED_EVERY}]},
        "scaleDown": {"stabilizationWindowSeconds": settle, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
    }
