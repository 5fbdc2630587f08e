"""A platform on premises becomes the contracts that everything above it takes."""

from components.contracts import Context
from components.labels import Labels
from components.naming import Naming
from infra.onprem.platform import OnPremPlatform
from infra.site import GivenRegistry, Site


def build(platform: OnPremPlatform, labels: Labels, *, project: str, stack: str) -> Site:
    """Make what the platform stands on."""
    from components.onprem.cluster import ExistingCluster
    from components.onprem.database import ExistingDatabase
    from components.onprem.storage import ExistingBucket

    context = Context(Naming(project, stack), labels)
    store, database = platform.object_store, platform.database
    name = platform.site.name
    cluster = ExistingCluster(
        "cluster", platform.cluster, site=name, storage=store.egress, databases=database.egress if database else (), context=context
    )
    kept = ExistingDatabase(database, context=context) if database else None
    registry = GivenRegistry(ExistingBucket(store, store.artifacts), kept)
    return Site(context, cluster, ExistingBucket(store, store.models), registry)
