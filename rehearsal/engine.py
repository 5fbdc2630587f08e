"""The Pulumi engine, had in one of three ways: from PATH, by the official installer, or built from its published Go module.

An engine that had to be fetched or built is kept under ${XDG_CACHE_HOME:-~/.cache}/groundwork/engine and found there from then on.
GROUNDWORK_ENGINE=path|install|source allows one way only.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from rehearsal.golang import Unavailable, alone, build, cache, chosen, intact, record, workshop
from rehearsal.watch import Failed, Meter, Progress, watched

VERSION: Final = "3.259.0"
"""The version that is installed or built, and the least that is taken from PATH. Rehearsals are tested with it."""

MODULE: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
"""The published Go package of the command line; data/engine/go.mod pins its version and data/engine/go.sum its hashes."""
STAMP: Final = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"
INSTALLER: Final = "https://get.pulumi.com/install.sh"

REACH_LIMIT: Final = 10.0
"""Seconds after which the official installer's site counts as out of reach."""
INSTALL_LIMIT: Final = 600.0
"""Seconds an installation may take once the site has answered."""
KEPT: Final = "engine"
"""The cache folder of engines."""

Way = Literal["path", "install", "source"]
WAYS: Final[tuple[Way, ...]] = ("path", "install", "source")
DATA: Final = Path(__file__).with_name("data") / "engine"

STAND_IN: Final = """#!/bin/sh
# Stands in for Pulumi's Python language host beside an engine that was built without one.
python="$GROUNDWORK_PYTHON"
folder="$PWD"
while [ -z "$python" ] && [ -n "$folder" ]; do
  [ -x "$folder/.venv/bin/python" ] && python="$folder/.venv/bin/python"
  folder="${folder%/*}"
done
exec "${python:-python3}" -P -m rehearsal.language_host "$@"
"""

INSTALL: Final = """
import sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]), skip_version_check=True)
"""
REACH: Final = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=8).read(1)"


LOUD: Final = re.compile(r"-v(=?\d.*)?|-[a-zA-Z]*v=?\d+|--(verbose|logtostderr|logflow|tracing|otel-traces)(=.*)?")
"""Options of the engine that write what it sends to providers, secrets in clear, to standard error or to a file."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A usable command line: its executable, its version, and how it was had."""

    path: Path
    version: str
    way: Way


class NoEngine(Exception):
    """No way led to an engine; the message lists what each of them said."""

    def __init__(self, said: Mapping[Way, str]) -> None:
        self.said = dict(said)
        rows = [f"  {way:<8}{why}" for way, why in said.items()]
        help_ = f"Put pulumi {VERSION} or newer on PATH, or make one of these ways work; GROUNDWORK_ENGINE={'|'.join(WAYS)} picks one."
        super().__init__("\n".join(["No Pulumi engine could be had:", *rows, help_]))


def revealing(arguments: Sequence[str]) -> str:
    """The first option by which the engine would log secrets in clear; "" for none."""
    return next((argument for argument in arguments if LOUD.fullmatch(argument)), "")


def locate(progress: Progress | None = None) -> Engine:
    """Find an engine, or fetch or build one.

    `progress` is called with one line of text about every second while that takes time; by default a line on standard error.
    Raises NoEngine when no allowed way works, rehearsal.golang.NoSuchWay when GROUNDWORK_ENGINE names none.
    """
    allowed = chosen("GROUNDWORK_ENGINE", WAYS)
    tell = progress or Meter()
    said: dict[Way, str] = {}
    attempts: list[tuple[Way, Callable[[], Engine]]] = [
        ("path", on_path),
        ("install", partial(kept, "install")),
        ("source", partial(kept, "source")),
        ("install", partial(provide, "install", tell)),
        ("source", partial(provide, "source", tell)),
    ]
    try:
        for way, attempt in attempts:
            if allowed in ("", way):
                try:
                    return attempt()
                except Unavailable as why:
                    said[way] = str(why)
    finally:
        if isinstance(tell, Meter):
            tell.done()
    raise NoEngine(said)


def on_path() -> Engine:
    """The engine on PATH, if it is of the same major version, new enough, and has the Python language host. Raises Unavailable."""
    found = shutil.which("pulumi")
    if not found:
        raise Unavailable("there is no pulumi on PATH")
    version = version_of(Path(found))
    if _ordered(version) < _ordered(VERSION):
        raise Unavailable(f"{found} is {version}, older than {VERSION}")
    if _ordered(version)[0] != _ordered(VERSION)[0]:
        raise Unavailable(f"{found} is {version}, of another major version than {VERSION}")
    beside = Path(found).resolve().with_name("pulumi-language-python")
    if not beside.exists() and not shutil.which("pulumi-language-python"):
        raise Unavailable(f"{found} has no pulumi-language-python beside it")
    return Engine(Path(found), version, "path")


def version_of(executable: Path) -> str:
    """What an engine says its version is. Raises Unavailable when it says nothing of the kind."""
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = subprocess.run([executable, "version"], capture_output=True, text=True, timeout=30, env=environ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{executable} does not run: {error}") from error
    if not re.fullmatch(r"v?\d+\.\d+\.\d+\S*", said):
        raise Unavailable(f"{executable} does not tell its version")
    return said.removeprefix("v")


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[-+]", version)[0].split("."))


def home(way: Way) -> Path:
    """The folder of the pinned engine, had in the given way."""
    return cache(KEPT) / (VERSION if way == "source" else f"{VERSION}-{way}")


def kept(way: Way) -> Engine:
    """The engine that was had in this way before. Raises Unavailable, also for one that is damaged."""
    executable = home(way) / "bin" / "pulumi"
    if not os.access(executable, os.X_OK):
        raise Unavailable("none is kept")
    if not intact(home(way)):
        raise Unavailable(f"{home(way)} is damaged: its files are not what they were when they were made")
    return Engine(executable, VERSION, way)


def provide(way: Way, tell: Progress) -> Engine:
    """Install or build the pinned engine and keep it; of several processes one does the work. Raises Unavailable."""
    with alone(cache(KEPT), "the Pulumi engine", tell):
        with contextlib.suppress(Unavailable):
            return kept(way)
        with workshop(cache(KEPT)) as folder:
            made = folder / "made"
            {"install": _install, "source": _build}[way](made, tell)
            found = version_of(made / "bin" / "pulumi")
            if found != VERSION:
                raise Unavailable(f"it is {found}, not {VERSION}")
            record(made)
            shutil.rmtree(home(way), ignore_errors=True)
            made.rename(home(way))
    return kept(way)


def _install(made: Path, tell: Progress) -> None:
    environ = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        watched([sys.executable, "-c", REACH, INSTALLER], REACH_LIMIT, "looking for the official Pulumi installer", tell, environ)
    except Failed as why:
        raise Unavailable(f"{INSTALLER} cannot be reached: {why}") from why
    try:
        watched([sys.executable, "-c", INSTALL, str(made), VERSION], INSTALL_LIMIT, f"installing Pulumi {VERSION}", tell, environ)
    except Failed as why:
        raise Unavailable(f"the official installer failed: {why}") from why


def _build(made: Path, tell: Progress) -> None:
    (made / "bin").parent.mkdir()
    build(DATA, [MODULE], made / "bin", stamp=STAMP, label=f"building Pulumi {VERSION} from its Go module, once", tell=tell)
    host = made / "bin" / "pulumi-language-python"
    host.write_text(STAND_IN)
    host.chmod(0o755)
