"""Composition of a stack: a site with its operators, tracking server and teams, and what is served on one."""

from collections.abc import Mapping

import pulumi

from components.kubernetes.addons.facts import OperatorFacts, RunningOperators
from components.kubernetes.addons.operators import Operators, monitoring_of
from components.kubernetes.addons.values import nvidia
from components.kubernetes.alerts.alerts import Alerts
from components.kubernetes.gateway.front import Front
from components.kubernetes.gateway.gateway import Gateway, front_of
from components.kubernetes.gpus.watch import GpuWatch
from components.kubernetes.serving.endpoint import InferenceEndpoint, InferenceEndpointArgs
from components.kubernetes.serving.warm import WarmPriority, Warmth, warmth_of
from components.kubernetes.teams.space import TeamSpace, space_of
from components.kubernetes.tracking.server import TrackingServer
from components.naming import Naming
from infra.any_platform import AnyPlatform
from infra.layers import OUTPUT, Wiring, facts
from infra.platforms import AnyStack
from infra.serving import ServingStack
from infra.site import Ground, Site
from infra.sites import attach, build

Outputs = dict[str, pulumi.Input[object]]


def compose(stack_file: AnyStack, *, project: str, stack: str) -> Outputs:
    """Register every resource of a stack; returns the stack's outputs."""
    if isinstance(stack_file, ServingStack):
        return _serving(stack_file, project=project, stack=stack)
    return _platform(stack_file, project=project, stack=stack)


def _platform(platform: AnyPlatform, *, project: str, stack: str) -> Outputs:
    """A site and everything on it."""
    site = build(platform, project=project, stack=stack)
    operators = Operators(
        "operators", platform.operators, cluster=site.cluster, context=site.context, secrets=site.secrets, topic=site.topic
    )
    if "dcgm-exporter" in platform.operators.install and nvidia(site.cluster.pools.values()):
        board = platform.operators.gpu_dashboard
        GpuWatch("gpus", cluster=site.cluster, operators=operators, context=site.context, board=board)
    tracking = _tracking(platform, site, operators)
    spaces = {
        team: TeamSpace(team, args, cluster=site.cluster, operators=operators, context=site.context).namespace
        for team, args in platform.teams.items()
    }
    if platform.alerts:
        Alerts("alerts", platform.alerts, spaces=spaces, topic=site.topic, cluster=site.cluster, operators=operators, context=site.context)
    front = Gateway(args, cluster=site.cluster, operators=operators, context=site.context).front if (args := platform.gateway) else None
    warmth = _warmth(platform, site)
    endpoints = _endpoints(platform.endpoints, site, operators, front, warmth=warmth)
    return _outputs(site, tracking, endpoints) | (_for_teams(site, operators, spaces, front) if spaces else {})


def _tracking(platform: AnyPlatform, site: Site, operators: Operators) -> TrackingServer | None:
    """The tracking server, where the stack file asks for one."""
    if platform.tracking is None:
        return None
    kept = site.registry
    assert kept is not None, "tracking without a registry is refused when the file is read"
    assert kept.database is not None, "tracking without a database is refused when the file is read"
    return TrackingServer(
        "tracking",
        platform.tracking,
        cluster=site.cluster,
        artifacts=kept.artifacts,
        database=kept.database,
        operators=operators,
        context=site.context,
    )


def _serving(serving: ServingStack, *, project: str, stack: str) -> Outputs:
    """Endpoints alone, in their team's namespace."""
    view, wiring = serving.view, Wiring(serving.platform)
    ground = attach(serving, view, wiring, project=project, stack=stack)
    operators = RunningOperators(monitoring_of(view.operators))
    platform = Naming(project, serving.platform)
    spaces = {team: space_of(team, platform) for team in view.teams}
    front = front_of(view.gateway, platform) if view.gateway else None
    wiring.expected = facts(ground.cluster, operators.monitoring, spaces, front, warmth_of(platform))
    endpoints = _endpoints(serving.endpoints, ground, operators, front, spaces[serving.owner], warmth_of(platform))
    return {"endpoints": {name: endpoint.url for name, endpoint in endpoints.items()}}


def _endpoints(
    args: Mapping[str, InferenceEndpointArgs],
    ground: Ground,
    operators: OperatorFacts,
    front: Front | None,
    space: str | None = None,
    warmth: Warmth | None = None,
) -> dict[str, InferenceEndpoint]:
    return {
        name: InferenceEndpoint(
            name,
            each,
            cluster=ground.cluster,
            models=ground.models,
            operators=operators,
            context=ground.context,
            front=front,
            space=space,
            warmth=warmth,
        )
        for name, each in args.items()
    }


def _warmth(platform: AnyPlatform, site: Site) -> Warmth | None:
    """The priority of pods that hold room, where an endpoint has such pods or a team's may have."""
    wanted = platform.teams or any(endpoint.scale.warm for endpoint in platform.endpoints.values())
    return WarmPriority("warm", cluster=site.cluster, context=site.context).warmth if wanted else None


def _outputs(site: Site, tracking: TrackingServer | None, endpoints: Mapping[str, InferenceEndpoint]) -> Outputs:
    """What people may ask of the stack; nothing secret."""
    kept = site.registry
    return {
        "models": site.models.uri,
        **({"artifacts": kept.artifacts.uri} if kept else {}),
        **({"database": kept.database.host} if kept and kept.database else {}),
        "images": dict(kept.repositories) if kept else {},
        **({"volumes": {claim: dict(volume.names) for claim, volume in site.volumes.items()}} if site.volumes else {}),
        **({"tracking": tracking.url} if tracking else {}),
        "endpoints": {name: endpoint.url for name, endpoint in endpoints.items()},
    }


def _for_teams(site: Site, operators: Operators, spaces: Mapping[str, str], front: Front | None) -> Outputs:
    """What stacks of endpoints build on; nothing secret."""
    return {
        OUTPUT: {
            "facts": facts(site.cluster, operators.monitoring, spaces, front, warmth_of(site.context.naming)),
            "wiring": dict(site.wiring),
        }
    }
