"""Stack file of endpoints alone, on a platform that another stack holds."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Self

from pydantic import PrivateAttr
from typing_extensions import TypeIs

from components.spec import Name, Problem, Spec
from infra.any_platform import AnyPlatform
from infra.notes import Note
from infra.platform import Platform
from infra.reading.faults import did_you_mean
from infra.rules import endpoint_names, teams
from infra.stack import Stack
from infra.team_credentials import TeamContext, TeamRole

OWN: Final = ("tier", "owner", "compliance", "endpoints")
"""What a serving stack says for itself where its platform's file says something too."""


class ServingStack(Stack):
    """Endpoints of one team, in the namespace that the platform keeps for it; `owner` is the team."""

    platform: Name
    """Stack of the platform. Its file, Pulumi.<platform>.yaml beside this one, says what there is; its outputs say where."""
    credentials: TeamRole | TeamContext | None = None
    """Who the stack acts as; absent acts as whoever runs it, as the platform's own stack does."""

    _view: AnyPlatform | None = PrivateAttr(default=None)

    @property
    def view(self) -> AnyPlatform:
        """The platform as if these were its endpoints. Only of a stack that a loader read."""
        assert self._view, "the stack was not bound to its platform"
        return self._view

    def bound(self, view: AnyPlatform) -> Self:
        """The stack, with its platform."""
        self._view = view
        return self

    def stands_on(self) -> Mapping[str, Any]:
        """The platform, and the site that it stands on."""
        return {**self.view.stands_on(), "platform": self.platform}

    def notes(self) -> Iterable[Note]:
        """What there is to know of the endpoints where they stand."""
        return self.view.endpoint_notes()

    def closed(self, now: datetime) -> Iterable[Problem]:
        """Nothing: what is bought for a time is the platform's."""
        return ()


def is_serving(data: Any) -> TypeIs[Mapping[str, Any]]:
    """Whether the data of a stack file is meant for endpoints alone."""
    return isinstance(data, Mapping) and data.get("layer") == ["serving"]


def laid_over(own: Mapping[str, Any], platform: Mapping[str, Any]) -> dict[str, Any]:
    """A serving stack's data over its platform's: what the platform's file would hold if these were its endpoints."""
    said = {key: own[key] for key in OWN if key in own}
    return {**platform, "endpoints": {}, "compliance": [], **said, "layer": ["platform", "serving"]}


def against(own: ServingStack, platform: Platform) -> Iterator[Problem]:
    """What its platform does not let a serving stack do."""
    team = platform.teams.get(own.owner)
    if team is None:
        listed = f"teams are {', '.join(platform.teams)}" if platform.teams else "it has none"
        text = f"is no team that the `teams` of platform {own.platform} let put endpoints there"
        yield Problem(("owner",), f"{text}: {did_you_mean(own.owner, platform.teams) or listed}")
        return
    yield from teams.promised(own.owner, team, own.endpoints)
    yield from teams.never_asleep(own.endpoints)
    yield from endpoint_names.apart(own.endpoints, endpoint_names.BESIDE)
    yield from _acting(own, platform, team.principals)


def _acting(own: ServingStack, platform: Platform, principals: Iterable[str]) -> Iterator[Problem]:
    wanted: type[Spec] = platform.TEAM_CREDENTIALS
    if own.credentials is not None and not isinstance(own.credentials, wanted):
        keys = ", ".join(wanted.model_fields)
        yield Problem(("credentials",), f"does not say who acts on platform {own.platform}: it takes {keys}")
    elif isinstance(own.credentials, TeamRole) and own.credentials.role not in principals:
        known = ", ".join(principals) or "none"
        text = f"is no principal of team {own.owner}: the platform's teams.{own.owner}.principals has {known}"
        yield Problem(("credentials", "role"), text)
