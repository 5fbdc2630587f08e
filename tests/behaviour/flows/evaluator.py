"""Evaluator of IAM requests that is not ours: iam-simulate of npm, kept in the user's cache.

It is AGPL software and a program of this test tier only: a process of its own, in no lock that
ships. `npm ci` holds each package to the sha512 digest in package-lock.json.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MANIFESTS = ("package.json", "package-lock.json")
TIMEOUT = 900
"""Seconds that an evaluation may take; a whole mutation run takes about one minute."""


class Missing(Exception):
    """Node.js, npm or the package cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as the evaluator takes it: documents by id; no principal is an unsigned request."""

    principal: str | None
    action: str
    resource: str
    account: str
    context: Mapping[str, str | list[str]]
    identity: Sequence[str]
    boundary: str | None
    resource_policy: str | None
    endpoint: str | None
    public_access_blocked: bool
    expected: bool


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One document with one thing in it changed."""

    document: str
    what: str
    policy: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Verdicts by request, and by mutant the request that tells it from the document, if any."""

    verdicts: list[dict[str, Any]]
    killers: list[int | None]


def provision() -> Path:
    """Install the evaluator into the user's cache, once for each lock file, and return its folder.

    Raises:
        Missing: Node.js or npm is not there, or the packages cannot be fetched.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not on the PATH")
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "groundwork" / "iam-simulate"
    folder = cache / lock
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=cache))
        _install(draft)
        _keep(draft, folder)
    return folder


def _install(folder: Path) -> None:
    for name in MANIFESTS:
        shutil.copy(HERE / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        shutil.rmtree(folder)
        raise Missing(f"npm ci failed: {done.stderr.strip()[-500:]}")


def _keep(draft: Path, folder: Path) -> None:
    """Move the draft into its place, unless another process was there first."""
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not folder.exists():
            raise


def evaluate(folder: Path, documents: Mapping[str, Any], requests: Sequence[Request], mutants: Sequence[Mutant] = ()) -> Answer:
    """Evaluate all requests and mutants in one process of Node.js."""
    batch = {"documents": documents, "requests": [asdict(r) for r in requests], "mutants": [asdict(m) for m in mutants]}
    command = ["node", str(HERE / "simulate.mjs"), str(folder)]
    done = subprocess.run(command, input=json.dumps(batch), capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise RuntimeError(f"the evaluator failed: {done.stderr[-2000:]}")
    return Answer(**json.loads(done.stdout))
