"""A platform on an EKS cluster that others own becomes the contracts that everything above it takes."""

import pulumi

from components.aws.network.existing import ExistingNetwork
from components.contracts import Context
from components.labels import Labels
from components.naming import Naming
from infra.aws.given_platform import AwsGivenPlatform
from infra.aws.wiring import wiring
from infra.site import Site


def build(platform: AwsGivenPlatform, labels: Labels, *, project: str, stack: str) -> Site:
    """Make what the platform stands on, but for its cluster and its network."""
    import pulumi_aws as aws

    from components.aws.account.guardrails import Guardrails
    from components.aws.cluster.existing import ExistingEks
    from components.aws.identity.boundary import bounded
    from components.aws.registry.registry import ModelRegistry
    from components.aws.storage.buckets import ObjectStorage

    site = platform.site
    provider = aws.Provider(f"aws-{site.region}", region=site.region, allowed_account_ids=[site.account])
    here = pulumi.ResourceOptions(providers=[provider])
    context = bounded(Context(Naming(project, stack, site.account, site.region), labels), platform.identity, here)
    network = ExistingNetwork(platform.network.existing, zones=site.zones)
    storage = ObjectStorage("storage", platform.storage, context=context, opts=here)
    cluster = ExistingEks("cluster", platform.cluster.existing, network=network, context=context, opts=here)
    registry: ModelRegistry | None = None
    if platform.registry:
        registry = ModelRegistry(
            "registry", platform.registry, network=network, cluster=cluster, storage=storage, context=context, opts=here
        )
    if platform.account:
        buckets = {**storage.buckets, **({"artifacts": registry.artifacts} if registry else {})}
        Guardrails("account", platform.account, buckets=buckets, access_logs=storage.access_logs, context=context, opts=here)
    told = wiring(context, cluster.reached, storage.models)
    return Site(context, cluster, storage.models, registry, wiring=told)
