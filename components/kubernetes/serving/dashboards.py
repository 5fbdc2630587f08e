"""A dashboard of one endpoint for Grafana, made of the very expressions that its rules and its autoscaler look at. Pure functions."""

from components.kubernetes.grafana import UID, Board, Panel, config_map
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving.engines import Engine
from components.kubernetes.serving.monitor import series
from components.kubernetes.serving.objectives import TTFT, WINDOWS, Objective, ObjectivesArgs, objectives
from components.kubernetes.serving.scaling import queue_query
from components.naming import bounded

RECENT = "5m"
"""Window of rates that are shown."""


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
    """The ConfigMap that Grafana's sidecar reads; endpoints that share a namespace have a file and a uid each."""
    place = identity.namespace
    called = place if place.endswith(f"-endpoint-{identity.name}") else f"{place}-{identity.name}"
    title = f"Endpoint {identity.name} ({place})"
    board = Board(title, bounded(called, UID), "inference-endpoint", panels(identity, args, engine))
    return config_map(board, identity.metadata(f"{identity.name}-dashboard"), f"{called}.json")
