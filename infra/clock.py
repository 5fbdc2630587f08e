"""The moment that a stack file is judged at, for what is bought for a time only.

A rehearsal must do the same with the same file tomorrow, so it looks at no clock: it judges at `GROUNDWORK_NOW` when that is set, and
else takes every window for open. A deployment looks at the clock, and `groundwork review` refuses what a deployment would refuse now.
"""

import os
from datetime import UTC, datetime
from typing import Final

from components.aws.values import moment
from infra.reading.faults import ConfigFaults, Fault, printable

NAME: Final = "GROUNDWORK_NOW"
"""A moment in UTC, such as 2026-12-01T11:30:00Z."""


def stated() -> datetime | None:
    """The moment that the environment states, or None. Raises ConfigFaults for text that is none."""
    text = os.environ.get(NAME, "")
    try:
        return moment(text) if text else None
    except ValueError:
        raise ConfigFaults([Fault(NAME, printable(text), 'must be a moment in UTC, such as "2026-12-01T11:30:00Z"')]) from None


def deploying() -> datetime:
    """The moment of a deployment: what the environment states, else now."""
    return stated() or datetime.now(UTC)
