"""What a stack stands on, wherever that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from components.contracts import Cluster, Context, Database, ImageRegistry, NotificationTopic, ObjectStore, SecretStoreFacts, SharedVolume


@dataclass(frozen=True, slots=True)
class Ground:
    """What endpoints stand on, whichever stack made it."""

    context: Context
    cluster: Cluster
    models: ObjectStore


@dataclass(frozen=True, slots=True)
class Site(Ground):
    """What a platform stands on."""

    artifacts: ObjectStore | None
    """Of runs and models; None where nothing keeps any."""
    database: Database | None
    """Of runs and models; None where nothing keeps any."""
    images: ImageRegistry | None
    """None where the site's administrators keep the image registry, or there is none."""
    volumes: Mapping[str, SharedVolume] = field(default_factory=dict)
    """File systems that pods may mount, by the name of the claim."""
    secrets: SecretStoreFacts | None = None
    """The site's own secret store; None where administrators keep one, or there is none."""
    topic: NotificationTopic | None = None
    """The topic of the stack's own alarms, where alerts are told to it."""
    wiring: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """What a stack of endpoints must be told of where things are (infra.layers); nothing secret."""
