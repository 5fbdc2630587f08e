"""Pieces of a terminal report: text of others made safe, and figures as people read them."""

from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from infra.faults import printable

LONGEST: Final = 400
"""Characters of one name or message that are shown."""


def safe(text: object, style: str = "") -> Text:
    """Text of others as it may be printed: control characters escaped, nothing read as markup."""
    return Text(printable(str(text), LONGEST), style)


def inset(body: RenderableType) -> RenderableType:
    """What stands below a heading."""
    return Padding(body, (0, 0, 0, 2))


def short(token: str) -> str:
    """A type without its package and module."""
    return token.rpartition(":")[2]


def count(number: int, what: str) -> str:
    """A number of things."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def clock(seconds: float) -> str:
    """A duration: 42s, 15m 34s, 1h 02m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m {whole % 60:02}s" if whole < 3600 else f"{whole // 3600}h {whole % 3600 // 60:02}m"
