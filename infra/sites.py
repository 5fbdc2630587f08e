"""The one place that knows which kinds of site there are: a platform of either kind becomes the same contracts."""

from dataclasses import dataclass
from typing import assert_never

import pulumi

from components.contracts import Cluster, Context, Database, ImageRegistry, ObjectStore
from components.labels import Labels
from components.naming import Naming
from infra.platforms import AnyPlatform, AwsPlatform, OnPremPlatform


@dataclass(frozen=True, slots=True)
class Site:
    """What a platform stands on, wherever that is."""

    context: Context
    cluster: Cluster
    models: ObjectStore
    artifacts: ObjectStore
    database: Database
    images: ImageRegistry | None
    """None where the site's administrators keep the image registry."""


def build(platform: AnyPlatform, *, project: str, stack: str) -> Site:
    """Make what the platform stands on."""
    labels = Labels(project=project, stack=stack, owner=platform.owner, tier=platform.tier)
    match platform:
        case AwsPlatform():
            naming = Naming(project, stack, platform.site.account, platform.site.region)
            return _aws(platform, Context(naming, labels))
        case OnPremPlatform():
            return _onprem(platform, Context(Naming(project, stack), labels))
        case _:
            assert_never(platform)


def _aws(platform: AwsPlatform, context: Context) -> Site:
    import pulumi_aws as aws

    from components.aws.cluster.eks import GpuCluster
    from components.aws.network.vpc import Network
    from components.aws.registry.registry import ModelRegistry
    from components.aws.storage.buckets import ObjectStorage

    site = platform.site
    provider = aws.Provider(f"aws-{site.region}", region=site.region, allowed_account_ids=[site.account])
    here = pulumi.ResourceOptions(providers=[provider])
    network = Network("network", platform.network, zones=site.zones, context=context, opts=here)
    storage = ObjectStorage("storage", platform.storage, context=context, opts=here)
    cluster = GpuCluster("cluster", platform.cluster, network=network, context=context, opts=here)
    registry = ModelRegistry("registry", platform.registry, network=network, cluster=cluster, storage=storage, context=context, opts=here)
    return Site(context, cluster, storage.models, registry.artifacts, registry.database, registry)


def _onprem(platform: OnPremPlatform, context: Context) -> Site:
    from components.onprem.cluster import ExistingCluster
    from components.onprem.database import ExistingDatabase
    from components.onprem.storage import ExistingBucket

    store, database = platform.object_store, platform.database
    dataplane = (*store.egress, *database.egress)
    cluster = ExistingCluster("cluster", platform.cluster, site=platform.site.name, dataplane=dataplane, context=context)
    models, artifacts = ExistingBucket(store, store.models), ExistingBucket(store, store.artifacts)
    return Site(context, cluster, models, artifacts, ExistingDatabase(database, context=context), None)
