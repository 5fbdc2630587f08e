"""Stack file of a platform on a cluster, an object store and a database that someone else runs."""

from collections.abc import Iterable, Iterator

from components.onprem.cluster import ExistingClusterArgs
from components.onprem.database import ExistingDatabaseArgs
from components.onprem.storage import ExistingStoreArgs
from components.spec import Problem, rule
from infra.platform import Platform
from infra.rules.between import Node, bytes_of, overlapping
from infra.site_specs import OnPremSite
from infra.team_credentials import TeamContext


class OnPremPlatform(Platform):
    """A platform on a cluster, an object store and a database that someone else runs."""

    TEAM_CREDENTIALS = TeamContext

    site: OnPremSite
    """Where the platform stands."""
    cluster: ExistingClusterArgs
    """The cluster and its GPU pools."""
    object_store: ExistingStoreArgs
    """The object store."""
    database: ExistingDatabaseArgs | None = None
    """The database of runs and models, which `tracking` needs; absent is none."""

    @property
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""
        return self.cluster.pools.keys()

    def node(self, pool: str) -> Node | None:
        """What a node of the pool has."""
        args = self.cluster.pools[pool]
        return Node(args.gpus_per_node, args.gpu_memory.value, args.nodes, least=args.nodes, fetches=bytes_of(args.pull_speed))

    @rule("object_store")
    def _store_addresses(self) -> Iterator[Problem]:
        yield from overlapping(("object_store", "addresses"), self.object_store.addresses, {})

    @rule("database")
    def _database_addresses(self) -> Iterator[Problem]:
        if self.database:
            yield from overlapping(("database", "addresses"), self.database.addresses, {})

    @rule("database", "tracking")
    def _tracking_keeps_runs(self) -> Iterator[Problem]:
        if self.tracking and self.database is None:
            text = "is missing, and tracking keeps runs and models in it: name it, or remove tracking"
            yield Problem(("database",), text)
