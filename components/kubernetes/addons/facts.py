"""Facts of operators for what stands on them, whoever installed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pulumi


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Where metrics are kept."""

    address: str
    """URL of Prometheus inside the cluster."""
    namespace: str
    """Namespace that it scrapes from."""


class OperatorFacts(Protocol):
    """The operators of a cluster."""

    @property
    def monitoring(self) -> Monitoring:
        """Where metrics are kept."""

    @property
    def ready(self) -> Sequence[pulumi.Resource]:
        """All operators, for namespaces in which others make objects that operators serve."""

    def serving(self, api_version: str) -> Sequence[pulumi.Resource]:
        """What must exist before an object of this API version, such as keda.sh/v1alpha1, and go after it."""


@dataclass(frozen=True, slots=True)
class RunningOperators:
    """Operators that another stack installed; they are there before this one begins."""

    monitoring: Monitoring
    ready: Sequence[pulumi.Resource] = ()

    def serving(self, api_version: str) -> Sequence[pulumi.Resource]:
        """Nothing: whoever serves it is there."""
        return ()
