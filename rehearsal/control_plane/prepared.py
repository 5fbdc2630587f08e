"""API servers that come up with every custom kind in place: etcd's data is kept once the definitions are established, and copied."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rehearsal.control_plane.crds import CrdSet, definitions, fingerprint, table
from rehearsal.control_plane.processes import DidNotStart
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.tools import KEPT, KUBERNETES, TOOLS, locate
from rehearsal.golang import MADE, alone, cache, intact, record, workshop
from rehearsal.watch import Meter, Progress

ESTABLISHED_LIMIT: Final = 180.0
"""Seconds until all definitions must be served."""
PAUSE: Final = 0.5
ETCD: Final = "etcd"
"""The folder of etcd's data."""
OWN: Final = ("ca.pem", "server.key", "server.pem", "port", "token", "tokens.csv")
"""Files of one server alone: a copy of a seed makes its own."""


@contextlib.contextmanager
def api_server(
    folder: Path | None = None, progress: Progress | None = None, sets: Sequence[CrdSet] | None = None, token: str = ""
) -> Iterator[ApiServer]:
    """An API server that knows the kinds of every operator in the table, or of the given sets, ended on the way out.

    Its data stays in `folder` and is found there again; without one it is thrown away. Raises NoControlPlane, Unavailable, DidNotStart.
    """
    tell = progress or Meter()
    programs = locate(tell)
    with contextlib.ExitStack() as stack:
        here = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="groundwork-api-")))
        here.mkdir(parents=True, exist_ok=True)
        if not (here / ETCD).exists():
            copied(seed(programs, tell, sets), here)
        if isinstance(tell, Meter):
            tell.done()
        yield stack.enter_context(ApiServer(here, programs, token))


def copied(seed: Path, here: Path) -> None:
    """Copy a seed into a folder, etcd's data last and by a rename: a copy that was broken off is made again."""
    half = here / ".etcd-copied"
    shutil.rmtree(half, ignore_errors=True)
    for part in seed.iterdir():
        if part.is_dir():
            shutil.copytree(part, half if part.name == ETCD else here / part.name, dirs_exist_ok=True)
        elif part.name != MADE:
            shutil.copy2(part, here / part.name)
    half.rename(here / ETCD)


def seed(programs: Mapping[str, Path], tell: Progress, sets: Sequence[CrdSet] | None = None) -> Path:
    """A folder of a stopped API server with the definitions established; made once for each set of versions."""
    wanted = table() if sets is None else sets
    etcd = next(tool.version for tool in TOOLS if tool.name == "etcd")
    home = cache(KEPT) / f"seed-{KUBERNETES}-{etcd}-{fingerprint(wanted)}"
    with alone(home.with_name(f".{home.name}"), "a seed of the API server", tell):
        if not home.exists() or not intact(home):
            shutil.rmtree(home, ignore_errors=True)
            with workshop(cache(KEPT)) as made:
                server = ApiServer(made / "server", programs)
                found = definitions(wanted, tell)
                with server:
                    establish(server, found, tell)
                for leftover in (*server.folder.glob("*.log"), *(server.folder / name for name in OWN)):
                    leftover.unlink()
                record(server.folder)
                server.folder.rename(home)
    return home


def establish(server: ApiServer, found: Sequence[Mapping[str, Any]], tell: Progress) -> None:
    """Install definitions and wait until each is served. Raises Refused for one that the API server does not take."""
    for number, definition in enumerate(found, 1):
        tell(f"installing definitions of custom kinds: {number} of {len(found)}")
        server.client.apply(definition)
    deadline = time.monotonic() + ESTABLISHED_LIMIT
    while waiting := _not_established(server):
        if time.monotonic() > deadline:
            raise DidNotStart(f"not served after {ESTABLISHED_LIMIT:g} s: {', '.join(waiting[:5])}")
        tell(f"waiting for {len(waiting)} custom kinds to be served")
        time.sleep(PAUSE)


def _not_established(server: ApiServer) -> list[str]:
    found = server.client.items("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    return [row["metadata"]["name"] for row in found if not _true(row, "Established")]


def _true(row: Mapping[str, Any], condition: str) -> bool:
    return any(c["type"] == condition and c["status"] == "True" for c in row.get("status", {}).get("conditions") or ())
