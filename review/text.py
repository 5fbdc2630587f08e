"""Pieces of a terminal report: text of others made safe, and figures as people read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.text import Text

from infra.reading.faults import printable

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


@dataclass(frozen=True, slots=True)
class Fitting:
    """As many items of a list as fit on one line, whole, and how many more there are."""

    items: Sequence[str]
    style: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The longest beginning of the list that fits, with the count of the rest."""
        fits = (text for text in map(self._first, range(len(self.items), 0, -1)) if text.cell_len <= options.max_width)
        text = next(fits, self._first(0))
        text.truncate(options.max_width, overflow="ellipsis")
        yield text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """From nothing but a count to the whole list."""
        return Measurement(self._first(0).cell_len, self._first(len(self.items)).cell_len)

    def _first(self, number: int) -> Text:
        rest = len(self.items) - number
        return safe(", ".join([*self.items[:number], *([f"+{rest}"] if rest else [])]), self.style)
