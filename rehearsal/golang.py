"""Executables built from published Go modules into the user's cache: each module pinned, every hash locked, built once."""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from rehearsal.folders import user_folder, write_whole
from rehearsal.watch import Failed, Progress, minutes, watched

BUILD_LIMIT: Final = 2400.0
"""Seconds a build may take: five times what the largest needs on two cores."""
FETCH_LIMIT: Final = 600.0
"""Seconds for the download of one module."""
DROPPED: Final = ("GOFLAGS", "GOOS", "GOARCH")
"""Variables of the caller that would change what is built."""


MAKING: Final = re.compile(r"\.making-(?P<pid>\d+)-(?P<host>.+)-[^-]+")
"""Names of folders in which something is being made: process, host, and what tells several apart."""
MADE: Final = "made.json"
"""The record of a folder of executables: size, time and hash of each file."""


class Unavailable(Exception):
    """One way did not lead to an executable; the message says why."""


class NoSuchWay(ValueError):
    """A variable of the environment picks a way that there is not."""


def chosen(variable: str, ways: Sequence[str]) -> str:
    """The one way that the environment allows, "" where it allows all. Raises NoSuchWay for any other text."""
    way = os.environ.get(variable, "")
    if way and way not in ways:
        shown = way[:60].encode("unicode_escape").decode()
        raise NoSuchWay(f"{variable}={shown} picks no way that there is; allowed: {', '.join(ways)}, or unset for all of them")
    return way


def cache(name: str) -> Path:
    """The folder below ${XDG_CACHE_HOME:-~/.cache}/groundwork where one kind of executable is kept."""
    return user_folder("XDG_CACHE_HOME", ".cache") / "groundwork" / name


def record(folder: Path) -> None:
    """Remember what the files of a folder are, so that `intact` can tell when one is cut off or overwritten."""
    write_whole(folder / MADE, json.dumps({str(path.relative_to(folder)): [*_stamp(path), _digest(path)] for path in _files(folder)}))


def intact(folder: Path) -> bool:
    """Whether the files of a folder are what they were when it was recorded; a folder without a record is recorded as it is.

    A file whose size and time are the recorded ones is not read again.
    """
    if not (folder / MADE).exists():
        with contextlib.suppress(OSError):  # a cache that only others may write is taken as it is
            record(folder)
        return all(path.stat().st_size for path in _files(folder))
    try:
        known = json.loads((folder / MADE).read_text())
        return all(_same(folder / name, *row) for name, row in known.items())
    except (OSError, ValueError, TypeError):
        return False


def _same(path: Path, size: int, time_ns: int, digest: str) -> bool:
    return _stamp(path) == (size, time_ns) or (path.stat().st_size == size and _digest(path) == digest)


def _stamp(path: Path) -> tuple[int, int]:
    return path.stat().st_size, path.stat().st_mtime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MADE)


def build(
    locks: Path,
    packages: Sequence[str],
    into: Path,
    *,
    stamp: str,
    label: str,
    tell: Progress,
    brought: Mapping[str, Path] | None = None,
) -> None:
    """Build main packages into the folder `into`, from the go.mod and go.sum in `locks`, beside which packages of ours lie.

    `stamp` goes to the linker; `brought` are files that are put there first, by their place below `locks`. Raises Unavailable.
    """
    go = shutil.which("go")
    if not go:
        raise Unavailable("there is no Go on PATH (https://go.dev/dl)")
    source = into.with_name(f"{into.name}-source")
    shutil.copytree(locks, source)
    for place, file in (brought or {}).items():
        shutil.copyfile(file, source / place)
    # Read-only modules: every module must match its locked hash, and none may be added.
    command = [go, "build", "-mod=readonly", "-trimpath", "-ldflags", stamp, "-o", f"{into}{os.sep}", *packages]
    environ = {**{k: v for k, v in os.environ.items() if k not in DROPPED}, "GOWORK": "off"}
    into.mkdir()
    try:
        watched(command, BUILD_LIMIT, label, tell, environ, source)
    except Failed as why:
        raise Unavailable(f"go build failed: {why}") from why


@contextlib.contextmanager
def alone(folder: Path, what: str, tell: Progress) -> Iterator[None]:
    """Hold the lock of a cache folder; says so while another process is making `what` there."""
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (folder / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tell(f"another process is making {what}; waiting {minutes(time.monotonic() - started)}")
                time.sleep(1)
        yield


@contextlib.contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A folder in a cache folder for what is being made there, removed at the end. Those of killed processes of this machine go first."""
    for left in folder.glob(".making-*"):
        said = MAKING.fullmatch(left.name)
        if said and said["host"] == socket.gethostname() and not _lives(int(said["pid"])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".making-{os.getpid()}-{socket.gethostname()}-") as made:
        yield Path(made)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def module(name: str, version: str) -> Path:
    """A module's folder in Go's own cache, its hash checked by Go. Raises Unavailable."""
    go = shutil.which("go")
    if not go:
        raise Unavailable("there is no Go on PATH (https://go.dev/dl)")
    folder = cache("modules")
    folder.mkdir(parents=True, exist_ok=True)
    environ = {**{k: v for k, v in os.environ.items() if k not in DROPPED}, "GOWORK": "off"}
    command = [go, "mod", "download", "-json", f"{name}@{version}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_LIMIT, env=environ, cwd=folder)
    except subprocess.TimeoutExpired as why:
        raise Unavailable(f"{name}@{version} took longer than {FETCH_LIMIT:g} s") from why
    answer = json.loads(done.stdout or "{}")
    if "Dir" not in answer:
        raise Unavailable(answer.get("Error") or done.stderr.strip()[-300:])
    return Path(answer["Dir"])


def module_file(source: str) -> Path:
    """A file of a module, named <module>@<version>:<path>. Raises Unavailable."""
    place, _, path = source.partition(":")
    name, _, version = place.partition("@")
    return module(name, version) / path
