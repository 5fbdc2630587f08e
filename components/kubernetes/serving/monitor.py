"""What has a replica's metrics collected."""

from components.kubernetes.manifests import HTTP, Identity, Manifest

SCRAPE_INTERVAL = "15s"


def pod_monitor(identity: Identity) -> Manifest:
    """Has the Prometheus operator scrape every replica."""
    return {
        "api_version": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": identity.metadata(),
        "spec": {
            "selector": {"matchLabels": identity.selector},
            "podMetricsEndpoints": [{"port": HTTP, "path": "/metrics", "interval": SCRAPE_INTERVAL}],
        },
    }
