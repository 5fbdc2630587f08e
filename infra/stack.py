"""Fields of every stack file, whether it holds a platform, what is served on one, or both."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Many, Name, Problem, Spec, rule
from infra.notes import Note
from infra.rules import endpoint_names
from infra.rules.between import look_alike, repeated

Layer = Literal["platform", "serving"]


class Stack(Spec):
    """The part of a stack file that is the same for every layer."""

    tier: Literal["production", "nonproduction"]
    """What the stack is for. Rules of the policy packs read it; components never do."""
    owner: Name
    """The team that answers for the stack; on every tag and label."""
    layer: Annotated[Many[Layer], Field(min_length=1)]
    """Layers that the stack holds: platform is the site with its tracking server, serving is the endpoints."""
    compliance: Many[Literal["hipaa", "soc2"]] = ()
    """Frameworks whose controls are judged."""
    endpoints: dict[Name, InferenceEndpointArgs] = Field(default_factory=dict)
    """Models that are served, by name."""

    def stands_on(self) -> Mapping[str, Any]:
        """What the stack stands on, by field, as its file says it."""
        return {}

    def notes(self) -> Iterable[Note]:
        """What there is to know of the stack, for its review."""
        return ()

    @rule("compliance")
    def _frameworks_once(self) -> Iterator[Problem]:
        yield from repeated("compliance", self.compliance)

    @rule("layer")
    def _layers_once(self) -> Iterator[Problem]:
        yield from repeated("layer", self.layer)

    @rule("layer", "endpoints")
    def _serving(self) -> Iterator[Problem]:
        if self.endpoints and "serving" not in self.layer:
            yield Problem(("endpoints",), "stand in a stack without the serving layer: add serving to layer, or remove them")
        if not self.endpoints and "serving" in self.layer:
            yield Problem(("layer",), "holds serving, but there are no endpoints: add some, or remove serving")

    @rule("endpoints")
    def _endpoints_told_apart(self) -> Iterator[Problem]:
        yield from look_alike("endpoints", self.endpoints)
        yield from endpoint_names.apart(self.endpoints)
