"""The `groundwork` command: what is done around `pulumi up`. Commands are imported when they are called, so `--help` is quick."""

import importlib
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING

import click

from operations.exits import CONFIG_FAULT, INTERNAL_FAULT

if TYPE_CHECKING:
    from operations.told import Told

COMMANDS = {
    "review": ("operations.review:review", "What a stack means: contents, findings by risk, what could not be judged."),
    "rehearse": ("operations.rehearse:rehearse", "Run the real engine against stand-in clouds: up, preview, refresh, destroy, exec."),
    "graph": ("operations.export:graph", "The resource graph of a stack as JSON."),
    "lookup": ("operations.lookup:lookup", "Ask a real account for the values that a stack file pins, and fill them in."),
    "export": ("operations.export:export", "Manifests and a plan for other people's scanners."),
}
"""Command name to (module:attribute, one line of help)."""


class Lazy(click.Group):
    """A group whose commands are loaded on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command itself, imported now."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="groundwork")
def cli() -> None:
    """Review and rehearse a machine-learning platform before it costs anything.

    A stack is one file, Pulumi.<stack>.yaml. But for lookup, none of these commands needs a cloud account or credentials.

    \b
    Exit codes: 0 fine, 1 internal fault, 2 policy or gate failed, 3 invalid configuration.

    \b
    Start with:
      groundwork review --stack dev
      groundwork rehearse up --stack dev
    """


def main() -> None:
    """Entry point: run a command and turn every outcome into an exit code of the contract.

    Whoever asks for JSON gets one object on standard output, however the command ends: of one that did not do its work, the faults.
    """
    from operations.told import Told, asked_for_json

    told = Told()
    code = _run(told)
    if told.faults and asked_for_json(sys.argv[1:]):
        click.echo(json.dumps(told.as_json(), indent=2))
    sys.exit(code)


def _run(told: "Told") -> int:
    """Run the command that the arguments name; keep in `told` what kept it from its work."""
    from operations.told import faults_of

    try:
        code = cli.main(prog_name="groundwork", standalone_mode=False, obj=told)
    except click.ClickException as error:
        error.show()
        told.faults += faults_of(error, "command")
        return CONFIG_FAULT
    except click.Abort:
        told.faults += faults_of(click.ClickException("was interrupted"), "command")
        return 130
    except Exception as error:
        told.faults += faults_of(error, "program")
        return _told(error)
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> int:
    """Print what went wrong, in the reader's terms where the fault is in the stack file; return the exit code."""
    from infra.reading.faults import ConfigFaults, render

    if isinstance(error, ConfigFaults):
        click.echo(render(error, lines=True), err=True)
        return CONFIG_FAULT
    if os.environ.get("GROUNDWORK_DEBUG"):
        traceback.print_exception(error)
    click.echo(f"groundwork: {type(error).__name__}: {error}", err=True)
    click.echo("This is a fault of the program, not of your stack file. GROUNDWORK_DEBUG=1 shows where it happened.", err=True)
    return INTERNAL_FAULT
