"""promtool, from PATH or out of Debian's package: unpacked into the user's cache, not installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from rehearsal.golang import Unavailable, cache


def locate() -> Path:
    """The program. Raises Unavailable."""
    found = shutil.which("promtool")
    kept = cache("promtool") / "usr" / "bin" / "promtool"
    if found:
        return Path(found)
    if not kept.exists():
        _unpack(cache("promtool"))
    return kept


def _unpack(into: Path) -> None:
    if not shutil.which("apt-get"):
        raise Unavailable("there is no promtool on PATH, and no apt-get to have it by")
    with tempfile.TemporaryDirectory() as folder:
        steps = (["apt-get", "download", "prometheus"], ["sh", "-c", f"dpkg -x prometheus_*.deb '{into}'"])
        for step in steps:
            done = subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=300)
            if done.returncode:
                raise Unavailable(f"{' '.join(step)}: {done.stderr.strip()[-300:]}")
