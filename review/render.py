"""A review for a terminal: short, ranked, and readable without colour. Nothing in it is taken for markup or for control codes."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from infra.notes import Note
from policies.controls import Evidence
from policies.model import Severity
from review.build import Component, Finding, FrameworkLines, Header, Place, Review, Unchecked
from review.render_timeline import time_to_ready
from review.text import Fitting, count, inset, safe, short

MOST_PLACES: Final = 6
"""Resources of one finding that are named."""

COLOURS: Final[dict[Severity, str]] = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
EVIDENCE: Final[dict[Evidence, str]] = {"fails": "red", "undetermined": "yellow", "holds": "green", "nothing to judge": "dim"}


def terminal(review: Review, console: Console) -> None:
    """Print a review. The width is the console's; 80 columns suffice."""
    for part in parts(review):
        console.print(part, highlight=False, markup=False, emoji=False)


def parts(review: Review) -> Iterator[RenderableType]:
    """The report from top to bottom."""
    yield from _header(review.header)
    yield from ("", _contents(review))
    yield from _section("Findings", [_finding(row) for row in review.findings] or [inset(Text("None.", "green"))])
    yield from _section("Waived", [_finding(row) for row in review.waived])
    yield from _section("Notes", list(_notes(review.notes)))
    yield from _section("Time to ready", list(time_to_ready(review.timeline)))
    for framework in review.compliance:
        yield from _section(framework.title, _framework(framework))
    yield from _section("Not judged here", list(_not_judged(review)))
    yield from ("", _conclusion(review))


def _section(title: str, body: Sequence[RenderableType]) -> Iterator[RenderableType]:
    if body:
        yield from ("", safe(title, "bold"))
        yield from body


def _header(header: Header) -> Iterator[Text]:
    told = [header.tier, f"owned by {header.owner}", " + ".join(header.layers)]
    told += [f"judged for {', '.join(header.compliance)}"] if header.compliance else []
    site = [value if name == "cloud" else f"{name} {value if isinstance(value, str) else ', '.join(value)}" for name, value in header.site]
    yield Text.assemble(safe(header.stack, "bold"), "  ", safe(" · ".join(told)))
    yield safe(" · ".join(map(str, site)), "dim")


def _contents(review: Review) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True, expand=True, header_style="bold", footer_style="dim")
    protected = sum(len(row.protected) for row in review.components)
    table.add_column("Component", count(len(review.components), "component"), no_wrap=True)
    table.add_column("Type", no_wrap=True)
    table.add_column("Resources", str(review.resources), justify="right")
    table.add_column("Protected", str(protected or "-"), justify="right")
    table.add_column("Holds, + more kinds", ratio=1, no_wrap=True)
    for row in review.components:
        table.add_row(safe(row.name), safe(short(row.type)), str(row.resources), str(len(row.protected) or "-"), _kinds(row))
    return table


def _kinds(row: Component) -> Fitting:
    return Fitting([f"{number} {short(token)}" for token, number in row.kinds] or ["nothing of its own"], "dim")


def _finding(row: Finding) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_row(_level(row), Text.assemble(safe(row.title, "bold"), "  ", safe(row.rule, "dim")))
    by_message = sorted(row.places, key=lambda place: place.message)
    for message, places in groupby(by_message, key=lambda place: place.message):
        grid.add_row("", Text.assemble(_places(list(places)), ": ", safe(message)))
    grid.add_row("", Text.assemble(Text("fix: ", "dim"), safe(row.remedy)))
    return inset(grid)


def _level(row: Finding) -> Text:
    if row.status == "error":
        return Text("broken", "bold red")
    return Text(row.severity, COLOURS[row.severity]) if row.level == "mandatory" else Text("advice", "cyan")


def _places(places: Sequence[Place]) -> Text:
    named = [_where(place) for place in places[:MOST_PLACES]]
    rest = len(places) - len(named)
    return safe(", ".join([*named, *([f"and {rest} more"] if rest else [])]), "cyan")


def _where(place: Place) -> str:
    within = not place.component or place.name.startswith(place.component)
    return place.name if within else f"{place.component}/{place.name}"


def _framework(framework: FrameworkLines) -> list[RenderableType]:
    judged = [row for row in framework.controls if row.rules]
    bare = len(framework.controls) - len(judged)
    held = [row.id for row in judged if row.evidence == "holds"]
    told = (
        f"Rules support evidence for {len(judged)} of {len(framework.controls)} controls and prove none; "
        f"{bare} need evidence of process alone (JSON lists what each needs)."
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for row in judged:
        if row.evidence != "holds":
            failing = safe(f": {', '.join(row.failing)}" if row.failing else "", "red")
            table.add_row(safe(row.id), Text(row.evidence, EVIDENCE[row.evidence]), Text.assemble(safe(row.title), failing))
    holds = Text.assemble(Text(f"{len(held)} hold: ", EVIDENCE["holds"]), safe(", ".join(held) or "none"))
    return [inset(safe(told, "dim")), inset(holds), *([inset(table)] if table.row_count else [])]


def _notes(notes: Sequence[Note]) -> Iterator[RenderableType]:
    for subject, rows in groupby(notes, key=lambda note: note.subject):
        for position, note in enumerate(rows):
            yield _note("" if position else subject, note.text)


def _not_judged(review: Review) -> Iterator[RenderableType]:
    for row in review.undetermined:
        yield _note("after an apply", f"{row.rule} on {', '.join(map(_where, row.places))}")
    for reason, rows in groupby(sorted(review.unchecked, key=lambda row: row.reason), key=lambda row: row.reason):
        names = list(_named(rows))
        yield _note(reason, f"{len(names)}: {', '.join(names)}")


def _named(rows: Iterable[Unchecked]) -> Iterator[str]:
    for row in rows:
        yield f"{short(row.type)} {row.name}" if row.reason == "no schema" else row.name


def _note(what: str, names: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=18)
    grid.add_column(ratio=1)
    grid.add_row(safe(what, "yellow"), safe(names))
    return inset(grid)


def _conclusion(review: Review) -> Text:
    verdict = Text("Fails.", "bold red") if review.failed else Text("Passes.", "bold green")
    unmet = sum(row.status == "error" or row.level == "mandatory" for row in review.findings)
    lines = [f" {count(unmet, 'mandatory rule')} not met." if review.failed else " Every mandatory rule is met."]
    if refused := [row.rule for row in review.findings if row.level == "advisory" and row.deployed == "mandatory"]:
        lines.append(f" Advice only here, but a real deployment is refused for it: {', '.join(refused)}.")
    counts = ", ".join(f"{number} {status}" for status, number in review.verdicts.items() if number)
    return Text.assemble(verdict, safe("".join(lines)), "\n", safe(f"Verdicts: {counts or 'none'}.", "dim"))
