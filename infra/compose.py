"""What a platform is made of: a site, the operators on its cluster, the tracking server, and what it serves."""

from collections.abc import Mapping

import pulumi

from components.kubernetes.addons.operators import Operators
from components.kubernetes.serving.endpoint import InferenceEndpoint
from components.kubernetes.tracking.server import TrackingServer
from infra.platforms import AnyPlatform
from infra.site import Site
from infra.sites import build


def compose(platform: AnyPlatform, *, project: str, stack: str) -> dict[str, pulumi.Input[object]]:
    """Register every resource of the platform; returns the stack's outputs."""
    site = build(platform, project=project, stack=stack)
    operators = Operators("operators", platform.operators, cluster=site.cluster, context=site.context, secrets=site.secrets)
    tracking = TrackingServer(
        "tracking",
        platform.tracking,
        cluster=site.cluster,
        artifacts=site.artifacts,
        database=site.database,
        operators=operators,
        context=site.context,
    )
    endpoints = {
        name: InferenceEndpoint(name, args, cluster=site.cluster, models=site.models, operators=operators, context=site.context)
        for name, args in platform.endpoints.items()
    }
    return _outputs(site, tracking, endpoints)


def _outputs(site: Site, tracking: TrackingServer, endpoints: Mapping[str, InferenceEndpoint]) -> dict[str, pulumi.Input[object]]:
    """What people and later layers may ask of the stack; nothing secret."""
    return {
        "models": site.models.uri,
        "artifacts": site.artifacts.uri,
        "database": site.database.host,
        "images": dict(site.images.repositories) if site.images else {},
        **({"volumes": {claim: dict(volume.names) for claim, volume in site.volumes.items()}} if site.volumes else {}),
        "tracking": tracking.url,
        "endpoints": {name: endpoint.url for name, endpoint in endpoints.items()},
    }
