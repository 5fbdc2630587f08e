"""Sites that a stack stands on, wherever they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pulumi

from components.contracts import (
    Cluster,
    Context,
    Database,
    ImageRegistry,
    NotificationTopic,
    ObjectStore,
    SecretStoreFacts,
    SharedVolume,
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What endpoints stand on, whichever stack made it."""

    context: Context
    cluster: Cluster
    models: ObjectStore


class Registry(ImageRegistry, Protocol):
    """Where runs and models are kept, and the platform's own images, if any."""

    @property
    def artifacts(self) -> ObjectStore:
        """Files of runs and models."""

    @property
    def database(self) -> Database | None:
        """Records of runs and models; None where nothing keeps any."""


@dataclass(frozen=True, slots=True)
class GivenRegistry:
    """A registry whose parts exist, without images, which the site's administrators keep elsewhere."""

    artifacts: ObjectStore
    database: Database | None
    repositories: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site(Ground):
    """What a platform stands on."""

    registry: Registry | None
    """None where nothing keeps runs and models."""
    volumes: Mapping[str, SharedVolume] = field(default_factory=dict)
    """File systems that pods may mount, by the name of the claim."""
    secrets: SecretStoreFacts | None = None
    """The site's own secret store; None where administrators keep one, or there is none."""
    topic: NotificationTopic | None = None
    """The topic of the stack's own alarms, where alerts are told to it."""
    wiring: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """What a stack of endpoints must be told of where things are (infra.layers); nothing secret."""
