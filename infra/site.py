"""What a platform stands on, wherever that is."""

from dataclasses import dataclass

from components.contracts import Cluster, Context, Database, ImageRegistry, ObjectStore


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
