"""Who hears what Prometheus tells."""
