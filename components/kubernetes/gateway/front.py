"""Facts of a gateway for what stands behind it."""

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, slots=True)
class Front:
    """A gateway, as routes are attached to it."""

    name: str
    namespace: str
    domain: str
    """Domain whose names lead to it."""
    proxies: str
    """Namespace of its proxies, which call the endpoints."""
    ready: tuple[pulumi.Resource, ...] = ()
    """What must exist before a route that it serves."""
