"""Faults that commands tell: on standard error for a person, and in one JSON object on standard output where JSON is asked for."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from infra.reading.faults import ConfigFaults, Fault


@dataclass(slots=True)
class Told:
    """What one run of the command line told; the root of click's context holds it."""

    faults: list[Fault] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """`faults` [{path, value, message, allowed, hint, line}], as infra.reading.faults.Fault documents them."""
        return {"faults": [asdict(fault) for fault in self.faults]}


def tell(error: BaseException, path: str = "command") -> None:
    """Tell a fault on standard error, and keep it for JSON. `path` says what it is of where it is of no stack file."""
    click.echo(f"groundwork: {error}", err=True)
    context = click.get_current_context(silent=True)
    told = context.find_object(Told) if context else None
    if told:
        told.faults += faults_of(error, path)


def faults_of(error: BaseException, path: str) -> list[Fault]:
    """The faults of an error: all of a configuration's, else one with the error's text."""
    if isinstance(error, ConfigFaults):
        return list(error.faults)
    return [Fault(path, None, error.format_message() if isinstance(error, click.ClickException) else str(error))]


def asked_for_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, even one that cannot be parsed."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    pairs = zip(own, [*own[1:], ""], strict=False)
    return any(one in ("--json", "--format=json") or (one, other) == ("--format", "json") for one, other in pairs)


def say(text: str) -> None:
    """Print on standard output. Where nobody reads it any more, what happened still decides the exit code."""
    try:
        click.echo(text)
    except BrokenPipeError:
        # Python flushes standard output once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
