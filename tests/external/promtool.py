"""promtool and amtool, from PATH or out of Debian's packages: unpacked into the user's cache, not installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from rehearsal.golang import Unavailable, cache

PACKAGES = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}


def locate(program: str = "promtool") -> Path:
    """The program. Raises Unavailable."""
    found = shutil.which(program)
    kept = cache(program) / "usr" / "bin" / program
    if found:
        return Path(found)
    if not kept.exists():
        _unpack(program, cache(program))
    return kept


def _unpack(program: str, into: Path) -> None:
    if not shutil.which("apt-get"):
        raise Unavailable(f"there is no {program} on PATH, and no apt-get to have it by")
    package = PACKAGES[program]
    with tempfile.TemporaryDirectory() as folder:
        steps = (["apt-get", "download", package], ["sh", "-c", f"dpkg -x {package}_*.deb '{into}'"])
        for step in steps:
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=300)
            if done.returncode:
                raise Unavailable(f"{' '.join(step)}: {done.stderr.strip()[-300:]}")
