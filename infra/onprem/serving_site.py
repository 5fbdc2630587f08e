"""Site of endpoints on premises, when another stack holds the platform."""

from components.contracts import Context
from components.labels import Labels
from components.naming import Naming
from infra.onprem.platform import OnPremPlatform
from infra.serving import ServingStack
from infra.site import Ground
from infra.team_credentials import TeamContext


def build(serving: ServingStack, view: OnPremPlatform, labels: Labels, *, project: str, stack: str) -> Ground:
    """A provider for the cluster, acting as the team; nothing else is made."""
    from components.onprem.cluster import ExistingCluster
    from components.onprem.storage import ExistingBucket

    context = Context(Naming(project, stack), labels)
    store = view.object_store
    acting = {"context": serving.credentials.context} if isinstance(serving.credentials, TeamContext) else {}
    args, name = view.cluster.model_copy(update=acting), view.site.name
    cluster = ExistingCluster(
        "cluster", args, site=name, storage=store.egress, databases=view.database.egress if view.database else (), context=context
    )
    return Ground(context, cluster, ExistingBucket(store, store.models))
