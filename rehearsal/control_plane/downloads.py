"""Official builds of control-plane programs, each held against the checksum that its project publishes beside it."""

import hashlib
import platform
import shutil
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rehearsal.golang import Unavailable
from rehearsal.watch import Progress

REACH_LIMIT: Final = 8.0
"""Seconds of silence after which a site counts as out of reach."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tool is published. Places hold {version}, {arch} and {program}."""

    file: str
    checksums: str
    """A file that names the SHA-256 digest of `file`, alone or in a list."""
    archive: bool = False


SOURCES: Final[Mapping[str, Source]] = {
    "kubernetes": Source(
        "https://dl.k8s.io/v{version}/bin/linux/{arch}/{program}", "https://dl.k8s.io/v{version}/bin/linux/{arch}/{program}.sha256"
    ),
    "etcd": Source(
        "https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-linux-{arch}.tar.gz",
        "https://github.com/etcd-io/etcd/releases/download/v{version}/SHA256SUMS",
        archive=True,
    ),
}
"""Official places. kwok's releases have no row: no published checksum of theirs was read."""
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def fetch(tool: str, version: str, programs: Sequence[str], into: Path, tell: Progress) -> None:
    """Download the programs of a tool into a folder. Raises Unavailable when they cannot be had, or are not what was published."""
    source = SOURCES.get(tool)
    if source is None or platform.system() != "Linux":
        raise Unavailable(f"no official download of {tool} for {platform.system()} is known")
    into.mkdir()
    arch = ARCHITECTURES.get(platform.machine(), platform.machine())
    for program in programs:
        place = source.file.format(version=version, arch=arch, program=program)
        tell(f"downloading {program} {version}")
        data = _read(place)
        if hashlib.sha256(data).hexdigest() not in _read(source.checksums.format(version=version, arch=arch, program=program)).decode():
            raise Unavailable(f"{place} is not what its checksum says")
        target = into / program
        target.write_bytes(data)
        if source.archive:
            _unpack(target, program)
        target.chmod(0o755)


def _read(place: str) -> bytes:
    try:
        with urllib.request.urlopen(place, timeout=REACH_LIMIT) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, TimeoutError) as why:
        raise Unavailable(f"{place} cannot be reached: {why}") from why


def _unpack(archive: Path, program: str) -> None:
    """Put the one program in place of the archive that holds it."""
    packed = archive.rename(archive.with_suffix(".tar.gz"))
    with tarfile.open(packed) as found:
        member = next((m for m in found.getmembers() if m.isfile() and Path(m.name).name == program), None)
        content = found.extractfile(member) if member else None
        if content is None:
            raise Unavailable(f"the archive of {program} does not hold it")
        with archive.open("wb") as target:
            shutil.copyfileobj(content, target)
    packed.unlink()
