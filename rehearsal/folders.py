"""Folders of the user, and files in them that are either whole or not there."""

import os
import tempfile
from pathlib import Path


def user_folder(variable: str, otherwise: str) -> Path:
    """The folder that an XDG variable names, or `otherwise` below the home folder.

    A relative value is invalid and is ignored (XDG Base Directory Specification 0.8, "Environment
    variables": "All paths set in these environment variables must be absolute"): it would write
    into whatever folder the command is called from.
    """
    named = Path(os.environ.get(variable, ""))
    return named if named.is_absolute() else Path.home() / otherwise


def write_whole(path: Path, content: bytes | str, mode: int = 0o666) -> None:
    """Write a file that a reader sees either as it was or as it will be, also after a crash or on a full disk."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The mask of new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
