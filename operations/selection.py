"""Selection of the stack that a command is about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def project_root() -> Path:
    """The nearest folder at or above the current one that holds Pulumi.yaml; the installed project otherwise."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    return Path(__file__).resolve().parent.parent


def stack_options(command: Command) -> Command:
    """Add `--stack NAME` and `--config FILE`; exactly one names the stack file, dev when neither is given."""
    command = click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="A stack file anywhere, instead of --stack.")(
        command
    )
    return click.option("--stack", help="The stack: its file is Pulumi.<stack>.yaml beside Pulumi.yaml.  [default: dev]")(command)


def parallel_option(command: Command) -> Command:
    """Add `--parallel N`: how many operations at once a time to ready is told for."""
    what = "Operations at once that the time to ready is told for; the engine's own default is four for each core."
    return click.option("--parallel", type=click.IntRange(min=1), default=32, show_default=True, metavar="N", help=what)(command)


def stack_file(stack: str | None, config: Path | None) -> Path:
    """The stack file that the options name. Raises click.UsageError when they contradict or name no file."""
    if stack and config:
        raise click.UsageError("--stack and --config both name a stack file; give one of them.")
    if stack is not None:
        named(stack, "--stack")
    path = config or project_root() / f"Pulumi.{stack or 'dev'}.yaml"
    if not path.is_file():
        known = sorted(p.name.split(".")[1] for p in project_root().glob("Pulumi.*.yaml"))
        raise click.UsageError(f"There is no stack file {path}. Stacks here: {', '.join(known) or 'none'}.")
    return path


def named(stack: str, whose: str) -> str:
    """The name itself, which stands in paths. Raises click.UsageError, naming `whose` it is, where no stack can be called that."""
    from infra.reading.stackfile import NAMES, unnamed

    if why := unnamed(stack):
        raise click.UsageError(f"{whose}: {why}. Allowed: {NAMES}.")
    return stack
