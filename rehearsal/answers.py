"""Answers of a stand-in cloud: refusals, and what a deletion leaves behind."""

from dataclasses import dataclass
from typing import Final

WRITTEN_AGAIN: Final = "written again"
"""Begins the reason of what a service writes again after its deletion, so that its name is taken at the next `up`."""


class CloudError(Exception):
    """What a cloud answers when it refuses. `code` is the service's own error code; `retryable` is what its SDK would try again."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.code = code
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Keep:
    """What a deletion leaves behind by design. `until` is in seconds since the epoch; None is without end."""

    token: str
    id: str
    reason: str
    until: float | None = None
    keeps_name: bool = False
