"""Evictions of replicas from nodes that are replaced, one at a time for each endpoint."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Eviction:
    """Replicas of which a disruption budget lets one be missing at a time."""

    name: str
    """The endpoint."""
    on_node: int
    """Most of them on one node."""
    replicas: int
    """Most of them in all."""
    start: int
    """Seconds until the one that takes a place is ready, so that the next may be evicted."""
    end: int
    """Seconds that one may take to end."""
