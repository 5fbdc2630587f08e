"""Files that commands write: whole or not at all, and never over what a command did not write itself."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from graph.exporters.written import NotOurs


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what keeps files from being written into a usage error (exit 3) that names the place."""
    try:
        yield
    except NotOurs as taken:
        raise click.UsageError(f"{taken}.") from None
    except OSError as error:
        at = error.filename2 or error.filename or place
        why = (error.strerror or type(error).__name__).lower()
        raise click.UsageError(f"{place} cannot be written: {at}: {why}. Name a folder that can.") from None
