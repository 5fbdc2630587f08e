"""The stage: a durable copy of a project on which the real engine runs a stack against stand-in clouds.

Kept under ${XDG_STATE_HOME:-~/.local/state}/groundwork/rehearsals/<project>-<hash of its path>/<stack>/:
project/ the staged copy, backend/ the engine's state, clouds.sqlite what the stand-in clouds hold, home/ the engine's own folder,
reports/ what each action found; stacks/<stack>/ the reports of a stack that stands on this one. Nothing is written to the checkout.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from rehearsal.engine import Engine, locate
from rehearsal.foreground import Result, run
from rehearsal.staged_file import StagedFile

if TYPE_CHECKING:
    from rehearsal.real_kubernetes import Beside

SCRUBBED: Final = re.compile(r"(AWS_|AZURE_|ARM_|GOOGLE_|GCLOUD_|CLOUDSDK_|PULUMI_|KUBE|HELM_|GRPC_|PYTHONPATH$|GIT_)")
"""Ambient variables that could lead a rehearsal to a real cloud, cluster or backend."""

UNSTAGED: Final = frozenset({"pyproject.toml", "uv.lock"})
"""Not copied: the official language host would synchronise an environment beside them."""

LOOPBACK: Final = "127.0.0.1,localhost,::1"
EVER: Final = "1970-01-01T00:00:00Z"
"""The moment of a rehearsal that states none: whatever is bought for a time is not over, whenever it is rehearsed."""
STACK_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
"""What the engine takes for the name of a stack."""


class Running(Protocol):
    """Stand-in clouds that are being served."""

    @property
    def ports(self) -> Mapping[str, int]:
        """Package name to the port its provider serves on the loopback interface."""

    def stop(self) -> None:
        """Stop serving; what the clouds hold is kept."""


Clouds = Callable[[Path, Path | None], Running]
"""Starts stand-in clouds from (their store, a file of faults or None)."""


class StageBusy(Exception):
    """Another process uses the stage."""


class StageFailed(Exception):
    """The stage could not be set; the message holds what the engine said."""


def rehearsals() -> Path:
    """Where all stages are kept."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "groundwork" / "rehearsals"


def stand_in_clouds(
    store: Path,
    faults: Path | None,
    existing: Mapping[str, Any] | None = None,
    pace: float = 0.0,
    *,
    real_clusters: bool = False,
    beside: "Beside | None" = None,
) -> Running:
    """The stand-in clouds of rehearsal.servers; `existing` is what they hold without having made it, `pace` how slow they are (see there).

    `real_clusters` puts a real API server behind every cluster, its data beside the store, and `beside` starts what runs with each
    (see rehearsal.real_kubernetes).

    Raises StageFailed for a store of another format, rehearsal.faults.FaultsInvalid for a file of faults that cannot be used.
    """
    from rehearsal.servers import start

    try:
        clusters = store.parent / "clusters" if real_clusters else None
        return start(store, faults=faults, existing=existing, pace=pace, clusters=clusters, beside=beside)
    except ValueError as error:
        raise StageFailed(str(error)) from error


class Stage:
    """A stage of one stack; a context manager that holds its lock and serves its clouds.

    `stack_file` is the stack's file when it is not Pulumi.<stack>.yaml beside Pulumi.yaml; `faults` a file of faults for the clouds.
    `platform` is the name and the file of another stack that this one stands on: both then share that stack's stage, clouds and backend.
    Entering raises StageBusy, StageFailed, or rehearsal.engine.NoEngine.
    """

    def __init__(
        self,
        project: Path,
        stack: str,
        *,
        stack_file: Path | None = None,
        platform: tuple[str, Path] | None = None,
        faults: Path | None = None,
        clouds: Clouds = stand_in_clouds,
        engine: Engine | None = None,
    ) -> None:
        if not STACK_NAME.fullmatch(stack):
            raise StageFailed(f"{stack!r} is not a stack's name: letters, digits, '-', '_' and '.', at most 100")
        self.project = project.resolve()
        self.stack = stack
        self.stack_file = (stack_file or self.project / f"Pulumi.{stack}.yaml").resolve()
        key = hashlib.sha256(str(self.project).encode()).hexdigest()[:12]
        self.platform = platform[0] if platform else None
        self.root = rehearsals() / f"{self.project.name}-{key}" / (self.platform or stack)
        self.own = self.root / "stacks" / stack if platform else self.root
        self.file = StagedFile(stack, self.stack_file, self.copy / f"Pulumi.{stack}.yaml", self.own, self.pulumi)
        self._below = (
            StagedFile(platform[0], platform[1].resolve(), self.copy / f"Pulumi.{platform[0]}.yaml", self.root, self.pulumi)
            if platform
            else None
        )
        self._faults, self._clouds, self._engine = faults, clouds, engine
        self._running: Running | None = None
        self._lock: IO[str] | None = None
        self._environ: dict[str, str] = {}

    @property
    def copy(self) -> Path:
        """The staged project."""
        return self.root / "project"

    @property
    def store(self) -> Path:
        """What the stand-in clouds hold (see rehearsal.store)."""
        return self.root / "clouds.sqlite"

    @property
    def backend(self) -> Path:
        """The engine's file backend."""
        return self.root / "backend"

    @property
    def reports(self) -> Path:
        """What each action found, as JSON."""
        return self.own / "reports"

    @property
    def standing(self) -> tuple[str, ...]:
        """Other stacks that stand on this one and hold something."""
        files = (path for path in self.backend.glob(".pulumi/stacks/*/*.json") if path.stem not in (self.stack, self.platform))
        held = {path.stem: json.loads(path.read_text()).get("checkpoint", {}).get("latest") or {} for path in files}
        return tuple(sorted(stack for stack, latest in held.items() if latest.get("resources") and not self.platform))

    @property
    def engine(self) -> Engine:
        """The engine in use. Only on an entered stage."""
        assert self._engine, "the stage has not been entered"
        return self._engine

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment the engine runs in. Only on an entered stage."""
        return self._environ

    def __enter__(self) -> Self:
        for needed in (self.project / "Pulumi.yaml", self.stack_file):
            if not needed.is_file():
                raise StageFailed(f"there is no {needed}")
        if self._below and not self._below.begun:
            raise StageFailed(f"{self.stack} stands on {self.platform}, which is not up: groundwork rehearse up --stack {self.platform}")
        self._engine = self._engine or locate()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        try:
            self._running = self._clouds(self.store, self._faults)
            self._environ = self._make_environ(self._running.ports)
            self._set()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._running:
            self._running.stop()
            self._running = None
        if self._lock:
            self._lock.close()
            self._lock = None

    def pulumi(self, *args: str, check: bool = False, capture: bool = True, stdout: IO[str] | int | None = None) -> Result:
        """Run the engine on the stage with the stack selected.

        `capture` returns its output; otherwise it goes to `stdout` (ours when None) and standard error as it comes.
        `check` raises StageFailed when it does not end with code 0.
        """
        result = run([str(self.engine.path), *args], self.copy, self._environ, capture=capture, stdout=stdout)
        if check and result.code != 0:
            raise StageFailed(f"pulumi {' '.join(args[:2])} ended with code {result.code}:\n{result.stderr or result.stdout}")
        return result

    def forget(self) -> None:
        """Remove everything the stage holds. Raises StageBusy while it is in use, and StageFailed where it is another stack's."""
        if self.platform:
            raise StageFailed(f"{self.stack} is on the stage of {self.platform}: destroy it there, or reset {self.platform}")
        if not self.root.exists():
            return
        self._take_lock()
        shutil.rmtree(self.root)
        self.__exit__(None, None, None)

    def _take_lock(self) -> None:
        self._lock = (self.root / "lock").open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read().strip()
            self._lock.close()
            self._lock = None
            raise StageBusy(f"The stage of {self.stack} is in use by process {holder}; wait for it, or end it. ({self.root})") from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _make_environ(self, ports: Mapping[str, int]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not SCRUBBED.match(name)}
        no_proxy = ",".join(filter(None, [kept.get("no_proxy") or kept.get("NO_PROXY"), LOOPBACK]))
        return kept | {
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
            "GROUNDWORK_NOW": kept.get("GROUNDWORK_NOW", EVER),
            "GROUNDWORK_PYTHON": sys.executable,
            "UV_PROJECT_ENVIRONMENT": sys.prefix,
            "KUBECONFIG": str(self.root / "no-kubeconfig"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PULUMI_HOME": str(self.root / "home"),
            "PULUMI_BACKEND_URL": self.backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.root / "passphrase"),
            "PULUMI_STACK": self.stack,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_SUPPRESS_NEO_LINK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in ports.items()),
        }

    def _set(self) -> None:
        """Bring the staged copy up to date with the checkout, and the stack into being."""
        for folder in (self.copy, self.backend, self.reports):
            folder.mkdir(exist_ok=True, parents=True)
        _private(self.root / "passphrase", secrets.token_hex(24))
        self._link()
        if not self.file.begun:
            self.file.begin()
        for staged in filter(None, (self._below, self.file)):
            staged.update()
        if not list(self.backend.glob(f".pulumi/stacks/*/{self.stack}.json*")):
            self.pulumi("stack", "init", self.stack, check=True)

    def _link(self) -> None:
        """Link every room of the checkout, and copy Pulumi.yaml as it is."""
        for old in self.copy.iterdir():
            if old.is_symlink():
                old.unlink()
        for path in self.project.iterdir():
            if not path.name.startswith((".", "Pulumi.")) and path.name not in UNSTAGED:
                (self.copy / path.name).symlink_to(path)
        shutil.copyfile(self.project / "Pulumi.yaml", self.copy / "Pulumi.yaml")


def _private(path: Path, content: str) -> None:
    """Write a file that only its owner reads, once."""
    with contextlib.suppress(FileExistsError):
        os.write(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), content.encode())
