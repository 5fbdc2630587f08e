"""PodMonitor of an endpoint's replicas."""

from collections.abc import Sequence

from components.kubernetes.manifests import HTTP, Identity, Manifest

SCRAPE_INTERVAL = "15s"


def series(identity: Identity) -> str:
    """Narrows PromQL to the pods of one monitor, since endpoints of a team share a namespace.

    Their job is called after it. Source: prometheus-operator v0.92.0, pkg/prometheus/promcfg.go.
    """
    return f'namespace="{identity.namespace}",job="{identity.namespace}/{identity.name}"'


def pod_monitor(identity: Identity, port: str = HTTP, *, labels: Sequence[str] = ()) -> Manifest:
    """Has the Prometheus operator scrape every replica, at a port of a name; series carry these labels of their pods."""
    carried = {"podTargetLabels": list(labels)} if labels else {}
    return {
        "api_version": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": identity.metadata(),
        "spec": {
            "selector": {"matchLabels": identity.selector},
            "podMetricsEndpoints": [{"port": port, "path": "/metrics", "interval": SCRAPE_INTERVAL}],
            **carried,
        },
    }
