"""Arguments of the shadow of an endpoint."""

from typing import Annotated

from pydantic import Field

from components.kubernetes.serving.model import ModelUri
from components.spec import Percent, Problem, Size, Spec, rule

MOST = 5_000
"""Basis points: beyond half of the requests a version is tried better on real answers, by a canary."""


class ShadowArgs(Spec):
    """Another version of the endpoint's model, which gets copies of requests and whose answers are dropped."""

    model: ModelUri
    """The other version, pinned."""
    percent: Percent
    """Share of requests that are copied to it, in whole percent, 1% to 50%."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Replicas, always as many: copies that these cannot serve in time are lost, and take no GPU from the endpoint."""
    weights: Size | None = None
    """Size of its files; that of the endpoint's model when absent."""

    @rule("percent")
    def _bounded(self) -> list[Problem]:
        if self.percent.value % 100 == 0 and 0 < self.percent.value <= MOST:
            return []
        return [Problem(("percent",), f"{self.percent} is no whole percent from 1% to 50%: beyond that, try the version by a canary")]
