"""Site of endpoints on AWS, when another stack holds the platform."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.contracts import AcceleratorPool, Context, StorageClass
from components.labels import Labels
from components.naming import Naming
from infra.aws.given_platform import AwsGivenPlatform
from infra.aws.platform import AwsPlatform
from infra.layers import Wiring
from infra.serving import ServingStack
from infra.site import Ground
from infra.team_credentials import TeamRole


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the platform's VPC is."""

    cidr: str
    zones: tuple[str, ...]


def build(
    serving: ServingStack, view: AwsPlatform | AwsGivenPlatform, wiring: Wiring, labels: Labels, *, project: str, stack: str
) -> Ground:
    """Providers for the account and the cluster, acting as the team; nothing else is made."""
    import pulumi_aws as aws

    from components.aws.cluster.attached import AttachedEks
    from components.aws.cluster.control_plane import Reached
    from components.aws.identity.limits import AwsContext, RoleLimits
    from components.aws.storage.given import GivenBucket

    site, role = view.site, serving.credentials.role if isinstance(serving.credentials, TeamRole) else None
    provider = aws.Provider(
        f"aws-{site.region}",
        region=site.region,
        allowed_account_ids=[site.account],
        assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=role, session_name=f"{project}-{stack}"[:64])] if role else None,
    )
    here = pulumi.ResourceOptions(providers=[provider])
    boundary = None if view.identity.boundary == "none" else wiring["boundary"]
    limits = RoleLimits(boundary, view.identity.path, view.identity.session.seconds)
    context = AwsContext(Naming(project, stack, site.account, site.region), labels, limits)
    cluster = AttachedEks(
        "cluster",
        _cluster_name(view, Naming(project, serving.platform, site.account, site.region), labels),
        Reached(wiring["endpoint"], wiring["authority"], role),
        pools=pools(view),
        storage_classes=storage_classes(view),
        network=Surroundings(view.network.cidr, tuple(site.zones)),
        context=context,
        opts=here,
    )
    return Ground(context, cluster, GivenBucket(wiring["models"], key=wiring["models_key"], region=site.region))


def pools(view: AwsPlatform | AwsGivenPlatform) -> Mapping[str, AcceleratorPool]:
    """The platform's pools, as workloads know them."""
    from components.aws.capacity.node_plan import accelerator_pool
    from components.aws.cluster import existing

    if isinstance(view, AwsGivenPlatform):
        return {name: existing.accelerator_pool(name, args) for name, args in view.cluster.existing.pools.items()}
    return {name: accelerator_pool(name, args) for name, args in view.cluster.pools.items()}


def storage_classes(view: AwsPlatform | AwsGivenPlatform) -> Mapping[str, StorageClass]:
    """The platform's storage classes, as workloads claim them; none are known of a given cluster."""
    from components.aws.storage.classes import DEFAULT, SHARED

    if not isinstance(view, AwsPlatform):
        return {}
    block = {name: StorageClass(name, shared=False) for name in (DEFAULT, *view.storage.volumes)}
    return {**block, SHARED: StorageClass(SHARED, shared=True)} if view.storage.shared else block


def _cluster_name(view: AwsPlatform | AwsGivenPlatform, naming: Naming, labels: Labels) -> str:
    from components.aws.cluster.control_plane import cluster_name

    return view.cluster.existing.name if isinstance(view, AwsGivenPlatform) else cluster_name(Context(naming, labels))
