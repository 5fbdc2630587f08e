"""One stack's file on a stage: a copy in which every secret is a canary, sealed with the stage's own key."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from rehearsal.folders import write_whole
from rehearsal.foreground import Result
from rehearsal.mending import StageFailed
from rehearsal.stackcopy import KeyPath, find, replaced, rewrite

MARKED: Final = 2
"""Digests in a file's mark."""
Pulumi = Callable[..., Result]
"""Runs the engine on the stage; `check=True` raises StageFailed when it does not end well."""


@dataclass(frozen=True, slots=True)
class Seal:
    """How the stage seals secrets: canaries are derived from `seed`, so that they stand nowhere in clear."""

    seed: str
    salt: str
    ciphertexts: Mapping[str, str]

    def canary(self, path: KeyPath) -> str:
        """The value that stands for the secret at a path; the same for the life of the stage."""
        return "canary-" + hashlib.sha256(f"{self.seed}{_spelled(path)}".encode()).hexdigest()[:32]


def _has_content(path: Path) -> bool:
    """Whether a file holds YAML that says something."""
    try:
        return bool(yaml.safe_load(path.read_bytes()))
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
        return False


def _spelled(path: KeyPath) -> str:
    return json.dumps(path)


class StagedFile:
    """The file of `stack`, read from `original` and staged as `target`; what is remembered of it is kept in `folder`."""

    def __init__(self, stack: str, original: Path, target: Path, folder: Path, pulumi: Pulumi) -> None:
        self.stack = stack
        self.original = original
        self.target = target
        self.folder = folder
        self._pulumi = pulumi
        self.values: Mapping[KeyPath, str] = {}
        """Values that stand for those of the file, such as the place of a kubeconfig."""

    @property
    def begun(self) -> bool:
        """Whether the stack was staged before."""
        return (self.folder / "seal.json").exists()

    def begin(self) -> None:
        """Bring the stack into being, with a secrets provider of the stage's own."""
        self.target.unlink(missing_ok=True)
        self._pulumi("stack", "init", self.stack, "--secrets-provider", "passphrase", check=True)
        self._save(Seal(secrets.token_hex(16), str(yaml.safe_load(self.target.read_text())["encryptionsalt"]), {}))

    def update(self) -> None:
        """Bring the staged file up to date. What `pulumi config set` changed on the stage stays until the real file changes."""
        read = hashlib.sha256(self.original.read_bytes() + repr(sorted(self.values.items())).encode()).hexdigest()
        if self._marked()[0] == read and _has_content(self.target):
            return
        staged = self._staged()
        write_whole(self.target, staged)
        write_whole(self._mark, f"{read} {hashlib.sha256(staged).hexdigest()}\n")

    @property
    def altered(self) -> bool:
        """Whether the configuration on the stage is no longer what the stack file says, because a command on the stage changed it."""
        _, written = self._marked()
        return bool(written) and self.target.exists() and hashlib.sha256(self.target.read_bytes()).hexdigest() != written

    def restore(self) -> None:
        """Take the stack file as it is in the checkout when it is next brought up to date."""
        self._mark.unlink(missing_ok=True)

    def canaries(self) -> Mapping[KeyPath, str]:
        """Path of each `secure:` leaf of the stack file to the value that stands for it on the stage."""
        seal = self._seal()
        return {path: seal.canary(path) for path in find(self.original.read_text()).secrets}

    @property
    def _mark(self) -> Path:
        return self.folder / "staged.sha256"

    def _marked(self) -> tuple[str, str]:
        """Digests of the file that was read and of what was staged for it; empty where neither is known."""
        said = self._mark.read_text().split() if self._mark.exists() else []
        return (said[0], said[1]) if len(said) == MARKED else ("", "")

    def _staged(self) -> bytes:
        """The stack file for the stage; one that cannot be read as YAML goes as it is, so that the engine says what is wrong."""
        original = self.original.read_bytes()
        try:
            text = original.decode()
            places = find(text)
        except (UnicodeDecodeError, yaml.YAMLError):
            return original
        seal = self._sealed(list(places.secrets))
        staged = rewrite(text, places, {path: seal.ciphertexts[_spelled(path)] for path in places.secrets}, seal.salt)
        return replaced(staged, self.values).encode()

    def _sealed(self, paths: Sequence[KeyPath]) -> Seal:
        """The seal with a ciphertext for every path; the engine encrypts those that are new."""
        seal = self._seal()
        new = [path for path in paths if _spelled(path) not in seal.ciphertexts]
        if not new:
            return seal
        scratch = self.folder / "canaries.yaml"
        scratch.write_text(f'encryptionsalt: "{seal.salt}"\n')
        pairs = [part for number, path in enumerate(new) for part in ("--secret", f"canary:{number}={seal.canary(path)}")]
        try:
            self._pulumi("config", "set-all", *pairs, "--config-file", str(scratch), check=True)
            found = yaml.safe_load(scratch.read_text())["config"]
        finally:
            scratch.unlink()
        made = {_spelled(path): found[f"canary:{number}"]["secure"] for number, path in enumerate(new)}
        seal = Seal(seal.seed, seal.salt, {**seal.ciphertexts, **made})
        self._save(seal)
        return seal

    def _seal(self) -> Seal:
        path = self.folder / "seal.json"
        try:
            return Seal(**json.loads(path.read_text()))
        except (ValueError, TypeError):
            text = f"{path} is cut off or overwritten, and with it the key of this stage's secrets"
            raise StageFailed(f"{text}. groundwork rehearse reset --stack {self.stack} starts a new one") from None

    def _save(self, seal: Seal) -> None:
        written = {"seed": seal.seed, "salt": seal.salt, "ciphertexts": dict(seal.ciphertexts)}
        write_whole(self.folder / "seal.json", json.dumps(written, indent=1), 0o600)
