"""Time to ready for a terminal: how long, along which resources, and how much of it the cloud imposes."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from review.text import clock, count, inset, safe, short
from review.timeline import Stop, Timeline

TOLERATED: Final = 1.05
"""Times the bound that a stack may take before the review shows it in colour."""
QUICK: Final = 0.01
"""Part of the whole time below which a resource is shown together with its neighbours."""


def show(timeline: Timeline, console: Console) -> None:
    """Print the section by itself."""
    for part in (Text("Time to ready", "bold"), *time_to_ready(timeline)):
        console.print(part, highlight=False, markup=False, emoji=False)


def time_to_ready(timeline: Timeline) -> Iterator[RenderableType]:
    """The section's body, one or two sentences and the critical path."""
    style = "" if timeline.ratio <= TOLERATED else "yellow"
    told = f" from nothing at --parallel {timeline.parallel}, "
    bound = f" the {clock(timeline.bound)} that the cloud itself imposes."
    yield inset(Text.assemble(Text(clock(timeline.makespan), "bold"), safe(told), Text(f"{timeline.ratio:.2f} times", style), bound))
    yield inset(_path(timeline))
    if timeline.assumed:
        whole = f"~ assumed, for want of a measurement of the type: {timeline.assumed} of {count(timeline.resources, 'resource')}."
        yield inset(Text(whole, "dim"))


def _path(timeline: Timeline) -> Table:
    table = Table.grid(padding=(0, 2))
    for justify in ("right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(ratio=1)
    few = QUICK * timeline.makespan
    for quick, group in groupby(timeline.path, key=lambda stop: stop.seconds + stop.queued < few):
        stops = list(group)
        if quick and len(stops) > 1:
            table.add_row(*_several(stops))
        else:
            for stop in stops:
                table.add_row(*_one(stop))
    return table


def _one(stop: Stop) -> tuple[Text, ...]:
    queued = f", queued {clock(stop.queued)}" if stop.queued else ""
    return _at(stop), _takes(stop.seconds, stop.measured), safe(stop.name), safe(f"{short(stop.type)}{queued}", "dim")


def _several(stops: Sequence[Stop]) -> tuple[Text, ...]:
    seconds = sum(stop.seconds + stop.queued for stop in stops)
    last = Text.assemble("… ", safe(stops[-1].name))
    return _at(stops[0]), _takes(seconds, all(stop.measured for stop in stops)), last, Text(f"{len(stops)} quick ones", "dim")


def _at(stop: Stop) -> Text:
    return Text(clock(stop.start), "dim")


def _takes(seconds: float, measured: bool) -> Text:
    return Text(clock(seconds) if measured else f"~{clock(seconds)}")
