"""Routing of Prometheus alerts."""
