"""What a platform stands on, wherever that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.contracts import Cluster, Context, Database, ImageRegistry, ObjectStore, SecretStoreFacts, SharedVolume


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
    volumes: Mapping[str, SharedVolume] = field(default_factory=dict)
    """File systems that pods may mount, by the name of the claim."""
    secrets: SecretStoreFacts | None = None
    """The site's own secret store; None where administrators keep one, or there is none."""
