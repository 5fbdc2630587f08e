"""Limits of every role of a stack: its permissions boundary, its path, and how long a session lasts."""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.contracts import Context


@dataclass(frozen=True, slots=True)
class RoleLimits:
    """Arguments that every role of the stack has."""

    boundary: pulumi.Input[str] | None = None
    """ARN of the policy beyond which no role reaches; None leaves roles without a boundary."""
    path: str = "/"
    """IAM path of the roles."""
    session: int = 3600
    """Longest session in seconds: 3600 to 43200."""

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `aws.iam.Role`."""
        bounded = {} if self.boundary is None else {"permissions_boundary": self.boundary}
        placed = {} if self.path == "/" else {"path": self.path}
        return {"max_session_duration": self.session, **bounded, **placed}


@dataclass(frozen=True, slots=True)
class AwsContext(Context):
    """The context of components on AWS."""

    limits: RoleLimits = RoleLimits()


def limits_of(context: Context) -> RoleLimits:
    """The limits that a context carries; a context of no particular cloud has none to tell."""
    return context.limits if isinstance(context, AwsContext) else RoleLimits()
