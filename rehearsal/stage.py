"""The stage: a durable copy of a project on which the real engine runs a stack against stand-in clouds.

Kept under ${XDG_STATE_HOME:-~/.local/state}/groundwork/rehearsals/<project>-<hash of its path>/<stack>/:
project/ the staged copy, backend/ the engine's state, clouds.sqlite what the stand-in clouds hold, home/ the engine's own folder,
reports/ what each action found; stacks/<stack>/ the reports of a stack that stands on this one. Nothing is written to the checkout.

Whatever ends a rehearsal, the next one finds a stage that it can use or is told how to mend: files are written whole, the engine's stale
lock is removed, a damaged state file is named with its copies, and state and clouds are compared on entering.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Protocol, Self

from rehearsal import checkpoint, keeper, mending
from rehearsal.checkpoint import Checkpoint
from rehearsal.comparison import Comparison, compare
from rehearsal.engine import Engine, locate
from rehearsal.folders import user_folder, write_whole
from rehearsal.foreground import Result, run
from rehearsal.mending import StageBusy as StageBusy
from rehearsal.mending import StageFailed as StageFailed
from rehearsal.signals import Signals
from rehearsal.staged_file import StagedFile

if TYPE_CHECKING:
    from rehearsal.store import Object

SCRUBBED: Final = re.compile(r"(AWS_|AZURE_|ARM_|GOOGLE_|GCLOUD_|CLOUDSDK_|PULUMI_|KUBE|HELM_|GRPC_|PYTHONPATH$|GIT_)")
"""Ambient variables that could lead a rehearsal to a real cloud, cluster or backend."""

UNSTAGED: Final = frozenset({"pyproject.toml", "uv.lock"})
"""Not copied: the official language host would synchronise an environment beside them."""

LOOPBACK: Final = "127.0.0.1,localhost,::1"
EVER: Final = "1970-01-01T00:00:00Z"
"""The moment of a rehearsal that states none: whatever is bought for a time is not over, whenever it is rehearsed."""
STACK_NAME: Final = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.-]{1,100}")
"""What the engine takes for the name of a stack, but for dots alone, which lead out of a folder."""
ROOM: Final = 64 << 20
"""Bytes that must be free where the stage is kept: on a full disk the engine loses what it made."""
WITHOUT_SIDECARS: Final = "metadata=skip"
"""Option of a file backend: no `.attrs` file beside each file, which is not written whole (gocloud.dev blob/fileblob)."""


class Running(Protocol):
    """Stand-in clouds that are being served."""

    @property
    def ports(self) -> Mapping[str, int]:
        """Package name to the port its provider serves on the loopback interface."""

    def stop(self) -> None:
        """Stop serving; what the clouds hold is kept."""

    def discard(self, found: "Object") -> str:
        """Take an object out of its cloud whatever holds it; what the cloud says against it, or ""."""


Clouds = Callable[[Path, Path | None], Running]
"""Starts stand-in clouds from (their store, a file of faults or None)."""


def rehearsals() -> Path:
    """Where all stages are kept."""
    return user_folder("XDG_STATE_HOME", ".local/state") / "groundwork" / "rehearsals"


def stand_in_clouds(store: Path, faults: Path | None, existing: Mapping[str, Any] | None = None, pace: float = 0.0) -> Running:
    """The stand-in clouds of rehearsal.servers; `existing` is what they hold without having made it, `pace` how slow they are (see there).

    Raises StageFailed for a store of another format, rehearsal.faults.FaultsInvalid for a file of faults that cannot be used.
    """
    from rehearsal.servers import start

    try:
        return start(store, faults=faults, existing=existing, pace=pace)
    except ValueError as error:
        raise StageFailed(str(error)) from error


class Stage:
    """A stage of one stack; a context manager that holds its lock and serves its clouds.

    `stack_file` is the stack's file when it is not Pulumi.<stack>.yaml beside Pulumi.yaml; `faults` a file of faults for the clouds.
    `platform` is the name and the file of another stack that this one stands on: both then share that stack's stage, clouds and backend.
    `mend` may be set before entering: it puts a sound copy in place of a damaged state file, which is an error otherwise.
    From entering to leaving, signals that end the process are handled (see rehearsal.signals). Entering raises StageBusy, StageFailed,
    Interrupted, or rehearsal.engine.NoEngine.

    `notes` are what a person should know before the stage is used, `mended` what was brought in order on entering, and after leaving
    `stubs` are charts that were not judged.
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
        for name in (stack, platform[0] if platform else stack):
            if not STACK_NAME.fullmatch(name):
                raise StageFailed(f"{name!r} is not a stack's name: letters, digits, '-', '_' and '.', at most 100")
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
        self.mend = False
        self.signals = Signals()
        self.notes: list[str] = []
        self.mended: list[str] = []
        self.stubs: Sequence[str] = ()

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
    def state_file(self) -> Path | None:
        """The engine's state of the stack (see rehearsal.checkpoint); None before there is one."""
        return checkpoint.place(self.backend, self.stack)

    @property
    def standing(self) -> tuple[str, ...]:
        """Other stacks that stand on this one and hold something."""
        held = () if self.platform else self._others()
        return tuple(sorted(stack for stack, state in held if state.resources))

    def _others(self) -> list[tuple[str, Checkpoint]]:
        """The states of the other stacks on this stage but for the one it stands on."""
        return [*checkpoint.states(self.backend, but=(self.stack, self.platform))]

    def state(self) -> Checkpoint:
        """What the engine's state says. Raises Damaged."""
        path = self.state_file
        return checkpoint.read(path) if path and path.exists() else checkpoint.EMPTY

    def objects(self) -> "list[Object]":
        """Everything that the clouds hold."""
        from rehearsal.store import Store

        with Store(self.store) as store:
            return store.objects()

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages whose objects the stand-in clouds keep. Only on an entered stage."""
        return tuple(self._running.ports) if self._running else ()

    def compare(self) -> Comparison:
        """Hold the state against the clouds. Only on an entered stage."""
        from rehearsal.store import Store

        packages = self.packages
        state, others = self.state(), [other for _, other in self._others()]
        if not packages:
            return Comparison(pending=tuple(state.pending))
        with Store(self.store) as store:
            return compare(self.stack, state, others, store.identities(), packages=packages, retained=store.left())

    def discard(self, found: "Object") -> str:
        """Take an object out of its cloud; what the cloud says against it, or "". Only on an entered stage."""
        assert self._running, "the stage has not been entered"
        return self._running.discard(found)

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
        self.signals.__enter__()
        try:
            self._open()
        except (OSError, sqlite3.Error) as error:
            self.__exit__(None, None, None)
            raise StageFailed(f"the stage at {self.root} cannot be used: {error}. {self.advice('reset')} starts a new one") from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _open(self) -> None:
        for needed in (self.project / "Pulumi.yaml", self.stack_file):
            if not needed.is_file():
                raise StageFailed(f"there is no {needed}")
        if self._below and not self._below.begun:
            raise StageFailed(f"{self.stack} stands on {self.platform}, which is not up: groundwork rehearse up --stack {self.platform}")
        self._engine = self._engine or locate()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(self.root).free
        if free < ROOM:
            raise StageFailed(f"only {free >> 20} MiB are free at {self.root}, and {ROOM >> 20} are needed")
        self._take_lock()
        for stack in filter(None, (self.platform, self.stack)):
            self.mended += mending.put_in_order(self.backend, stack, mend=self.mend and stack == self.stack)
        try:
            self._running = self._clouds(self.store, self._faults)
        except ValueError as error:
            raise StageFailed(str(error)) from error
        keeper.demand(self.store, self.backend, getattr(self._running, "keeper", ""))
        self._environ = self._make_environ(self._running.ports)
        self._add_to_environ(getattr(self._running, "environ", {}))
        self._set()
        self.notes = [*self.mended, *self.compare().notes(self.advice("recover")), *getattr(self._running, "notes", ())]

    def advice(self, command: str) -> str:
        """A command of `groundwork rehearse` for this stack, as it is typed."""
        beside = self.stack_file == self.project / f"Pulumi.{self.stack}.yaml"
        return f"groundwork rehearse {command} " + (f"--stack {self.stack}" if beside else f"--config {self.stack_file}")

    def demand_order(self) -> None:
        """Raise StageFailed where an action would build on what is not so: after a crash, or over clouds that hold nothing."""
        reasons = self.compare().refusals
        if reasons:
            raise StageFailed(
                "\n".join([*reasons, f"The clouds are kept in {self.store}. Bring the stage in order first: {self.advice('recover')}"])
            )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self.signals.held():
            if self._running:
                self.stubs = getattr(self._running, "stubs", ())
                self._running.stop()
                self._running = None
            if self._lock:
                self._lock.close()
                self._lock = None
        self.signals.__exit__()

    def pulumi(self, *args: str, check: bool = False, capture: bool = True, stdout: IO[str] | int | None = None) -> Result:
        """Run the engine on the stage with the stack selected.

        `capture` returns its output; otherwise it goes to `stdout` (ours when None) and standard error as it comes.
        `check` raises StageFailed when it does not end with code 0.
        """
        command = [str(self.engine.path), *args]
        result = run(command, self.copy, self._environ, self.signals, capture=capture, stdout=stdout)
        if check and result.code != 0:
            raise StageFailed(f"pulumi {' '.join(args[:2])} ended with code {result.code}:\n{result.stderr or result.stdout}")
        return result

    def forget(self) -> None:
        """Remove everything the stage holds. Raises StageBusy while it is in use, and StageFailed where it is another stack's."""
        if self.platform:
            raise StageFailed(f"{self.stack} is on the stage of {self.platform}: destroy it there, or reset {self.platform}")
        if not self.root.exists():
            return
        if not (self.root / "lock").is_file():
            raise StageFailed(f"{self.root} holds no stage: remove it by hand if it is to go")
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
            "PULUMI_BACKEND_URL": f"{self.backend.as_uri()}?{WITHOUT_SIDECARS}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.root / "passphrase"),
            "PULUMI_STACK": self.stack,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_SUPPRESS_NEO_LINK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in ports.items()),
        }

    def _add_to_environ(self, more: Mapping[str, str]) -> None:
        """Take variables of the clouds; what they put into PATH is looked at first."""
        path = os.pathsep.join(filter(None, (more.get("PATH"), self._environ.get("PATH"))))
        self._environ |= {**more, "PATH": path}

    def _set(self) -> None:
        """Bring the staged copy up to date with the checkout, and the stack into being."""
        for folder in (self.copy, self.backend, self.reports):
            folder.mkdir(exist_ok=True, parents=True)
        self._have_passphrase(self.root / "passphrase")
        self._link()
        if not self.file.begun:
            self._drop_half_made()
            self.file.begin()
        for staged in filter(None, (self._below, self.file)):
            staged.update()
        if not (self.state_file and self.state_file.exists()):
            self.pulumi("stack", "init", self.stack, check=True)

    def _have_passphrase(self, path: Path) -> None:
        """Make the stage's passphrase where there is none. Raises StageFailed where one is gone that something was sealed with."""
        if path.exists() and path.read_text():
            return
        if self.file.begun or (self._below and self._below.begun):
            raise StageFailed(
                f"{path} is empty or gone, and with it the key of this stage's secrets. {self.advice('reset')} starts a new one"
            )
        write_whole(path, secrets.token_hex(24), 0o600)

    def _drop_half_made(self) -> None:
        """Remove a stack that was made in the engine's backend and not remembered by the stage: its first start was broken off."""
        path = self.state_file
        if path and self.state().resources:
            raise StageFailed(
                f"{self.own / 'seal.json'} is gone, and with it the keys of {path}. {self.advice('reset')} starts a new stage"
            )
        for left in path.parent.glob(f"{path.name}*") if path else ():
            left.unlink()

    def _link(self) -> None:
        """Link every room of the checkout, and copy Pulumi.yaml as it is."""
        for old in self.copy.iterdir():
            if old.is_symlink():
                old.unlink()
        for path in self.project.iterdir():
            if not path.name.startswith((".", "Pulumi.")) and path.name not in UNSTAGED:
                (self.copy / path.name).symlink_to(path)
        write_whole(self.copy / "Pulumi.yaml", (self.project / "Pulumi.yaml").read_bytes())
