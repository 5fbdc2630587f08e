"""`groundwork review`: what a stack means, before it costs anything."""

import io
import json
import sys
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal

import click

from operations.exits import CONFIG_FAULT, FINE, POLICY_FAILED
from operations.output import writing
from operations.selection import parallel_option, project_root, stack_file, stack_options

if TYPE_CHECKING:
    from review.build import Review

Format = Literal["terminal", "json"]
WAIVERS: Final = Path("policies") / "waivers.yaml"
"""Where waivers stand, below the project's folder."""
FILES: Final[dict[Format, str]] = {"terminal": "review.txt", "json": "review.json"}
MAKER: Final = "review of "
WIDTH: Final = 120
"""Columns of a report that is written to a file."""


@click.command()
@stack_options
@click.option("--format", "form", type=click.Choice(list(FILES)), default="terminal", show_default=True, help="How the report is written.")
@click.option("--json", "as_json", is_flag=True, help="Short for --format json.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write the report into this folder, as review.txt or review.json."
)
@parallel_option
@click.pass_context
def review(
    ctx: click.Context, stack: str | None, config: Path | None, form: Format, as_json: bool, out: Path | None, parallel: int
) -> None:
    """Print what a stack means: contents, findings by risk, the controls of the frameworks it names, time to ready, what nobody judged.

    Needs no account, no credentials and no network. Exit codes: 0 fine, 2 a mandatory rule fails, 3 invalid configuration or waivers.

    What was bought for a time and is over by now is refused, as a deployment would; GROUNDWORK_NOW states another moment.
    """
    from operations.told import tell
    from policies.waivers import WaiverFaults

    chosen: Format = "json" if as_json else form
    try:
        found = _review(stack_file(stack, config), parallel)
    except WaiverFaults as fault:
        tell(fault, str(WAIVERS))
        ctx.exit(CONFIG_FAULT)
    _write(found, chosen, out)
    ctx.exit(POLICY_FAILED if found.failed else FINE)


def _review(path: Path, parallel: int) -> "Review":
    from infra import clock
    from infra.config import refuse_what_is_over
    from infra.offline import evaluate
    from policies.catalog import BY_ID
    from policies.evaluate import REHEARSED, Settings
    from policies.evaluate import evaluate as judge
    from policies.waivers import load
    from review.build import build

    evaluation = evaluate(path)
    refuse_what_is_over(evaluation.platform, evaluation.stackfile, clock.deploying())
    waivers = load(project_root() / WAIVERS, today=date.today(), rules=BY_ID, urns=evaluation.graph.by_urn)
    return build(evaluation, judge(evaluation.graph, Settings(REHEARSED, waivers)), parallel=parallel)


def _write(found: "Review", form: Format, out: Path | None) -> None:
    if out is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        _print(found, form, sys.stdout)
        return
    from graph.exporters.written import check, save

    text = _sealed(found, form)
    path = out / FILES[form]
    with writing(out):
        check(path, MAKER)
        save(path, text)
    click.echo(f"The review is in {path}", err=True)


def _sealed(found: "Review", form: Format) -> str:
    """The report as a file holds it."""
    from graph.exporters.written import sealed_below, sealed_json
    from review.to_json import to_json

    origin = f"{MAKER}{found.header.stack}"
    if form == "json":
        return sealed_json(origin, to_json(found), indent=2)
    text = io.StringIO()
    _print(found, form, text, WIDTH)
    return sealed_below(origin, "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))


def _print(found: "Review", form: Format, stream: IO[str], width: int | None = None) -> None:
    if form == "json":
        from review.to_json import to_json

        stream.write(json.dumps(to_json(found), indent=2) + "\n")
    else:
        from rich.console import Console

        from review.render import terminal

        terminal(found, Console(file=stream, width=width))
