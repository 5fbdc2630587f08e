"""The offline reader of stack files: what the engine would hand the program, without engine, credentials or passphrase."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

from components.spec import Secret
from infra.reading.faults import ConfigFaults, Fault, Path, did_you_mean, printable, spell
from infra.reading.yaml12 import BROKEN, Document, Refusal, load

PROJECT: Final = "groundwork"
KEY: Final = f"{PROJECT}:platform"
"""The one configuration key of the project."""

MAX_FILE_BYTES: Final = 1 << 20
"""A stack file larger than this is not even parsed."""
MAX_CONFIG_BYTES: Final = 100 * 1024
"""Configuration of one stack. The language host passes it in one environment variable, for which Linux allows 128 KiB."""

STACK_NAME: Final = re.compile(r"(?=.{1,40}\Z)[a-z](-?[a-z0-9])*")
NAMES: Final = "1 to 40 lower-case letters, digits and single hyphens, beginning with a letter"
"""The form of a stack's name in words."""

SPLIT: Final = "split the stack by layer: `layer: [platform]` in one stack file, `layer: [serving]` in another"

SECTIONS: Final = ("config", "encryptedkey", "encryptionsalt", "secretsprovider")
"""What a stack file may hold; `environment` is the engine's too, but only Pulumi Cloud can open it."""


@dataclass(frozen=True, slots=True)
class StackFile:
    """A stack file as the engine reads it.

    `config` maps namespaced keys to JSON values with sorted keys; a `secure:` leaf is a Secret that holds its ciphertext.
    `secure_paths` are the paths of those leaves, from the configuration key on; `lines` the line of every path, from 1.
    `refused` is what the reader could not take: in its place stands infra.reading.yaml12.BROKEN, and the file must not be used.
    """

    path: FilePath
    stack: str
    config: Mapping[str, Any]
    secure_paths: frozenset[Path] = frozenset()
    lines: Mapping[Path, int] = field(default_factory=dict)
    refused: tuple[Fault, ...] = ()


def read(path: FilePath) -> StackFile:
    """Read a stack file. Raises ConfigFaults with every fault when there is any."""
    found = scan(path)
    if found.refused:
        raise ConfigFaults(found.refused, found.path.name)
    return found


def scan(path: FilePath) -> StackFile:
    """Read a stack file as far as it can be read, with what was refused beside it."""
    text, fault = _text(path)
    if fault:
        return StackFile(path, stack_of(path), {}, refused=(fault,))
    document = load(text)
    faults = [_told(refusal) for refusal in document.refusals]
    faults += _sections(document)
    config, lines, doubled = _config(document)
    faults += doubled
    secrets = _Secrets()
    config = {key: secrets.lift(value, (key,)) for key, value in config.items()}
    alone = 'must be "secure: <ciphertext>" and nothing beside it'
    faults += [Fault(spell_key(at), None, alone, line=lines.get(at, 0)) for at in secrets.malformed]
    faults += oversize(config)
    return StackFile(path, stack_of(path), config, frozenset(secrets.paths), lines, tuple(faults))


def stack_of(path: FilePath) -> str:
    """The stack's name: the middle of Pulumi.<stack>.yaml, or the stem of any other file."""
    found = re.fullmatch(r"Pulumi\.(.+)\.ya?ml", path.name)
    return found[1] if found else path.name.partition(".")[0]


def unnamed(stack: str) -> str:
    """Why a text cannot be a stack's name, which stands in names of resources and in paths; "" where it can."""
    if STACK_NAME.fullmatch(stack):
        return ""
    return f"`{printable(stack)}` cannot be the name of a stack, which stands in the names of resources"


def engine_text(value: Any) -> str:
    """A configuration value as the engine hands it to the program: strings bare, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=_stand_in, separators=(",", ":"), ensure_ascii=False)


def oversize(config: Mapping[str, Any]) -> list[Fault]:
    """The fault of a configuration that is too large for one stack, or nothing."""
    size = len(json.dumps({key: engine_text(value) for key, value in config.items()}, ensure_ascii=False).encode())
    if size <= MAX_CONFIG_BYTES:
        return []
    message = f"is {size / 1024:.0f} KiB, and one stack's configuration is at most {MAX_CONFIG_BYTES // 1024} KiB"
    return [Fault("config", None, message, hint=SPLIT)]


def spell_key(path: Path) -> str:
    """A path from the configuration key on, as faults show it: relative to the platform, or under `config:`."""
    if path[:1] == (KEY,):
        return spell(path[1:])
    return "config:" + spell(path) if path else "file"


def _stand_in(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else ""


def _text(path: FilePath) -> tuple[str, Fault | None]:
    """The text of the file without a byte-order mark, or why there is none."""
    try:
        if path.exists() and not path.is_file():
            return "", Fault("file", printable(str(path), 200), "is not a file")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            why = f"is {size / 1024:.0f} KiB, and a stack file is at most {MAX_FILE_BYTES // 1024} KiB"
            return "", Fault("file", None, why, hint=SPLIT)
        return path.read_bytes().decode().removeprefix("\ufeff"), None
    except UnicodeDecodeError:
        return "", Fault("file", None, "is not UTF-8: save it as UTF-8")
    except OSError as error:
        return "", Fault("file", printable(str(path), 200), f"cannot be read: {(error.strerror or type(error).__name__).lower()}")


def _told(refusal: Refusal) -> Fault:
    where = spell_key(refusal.path[1:]) if refusal.path[:1] == ("config",) else spell(refusal.path) if refusal.path else "file"
    return Fault(where, refusal.text, refusal.message, line=refusal.line)


def _sections(document: Document) -> list[Fault]:
    """Faults of the file's outermost keys."""
    if document.value is None:
        return [] if document.refusals else [Fault("file", None, "is empty", allowed=f"config: {{{KEY}: …}}")]
    if not isinstance(document.value, dict):
        return [] if document.value is BROKEN else [Fault("file", None, "must be a mapping", allowed=", ".join(SECTIONS), line=1)]
    faults = []
    for key, value in document.value.items():
        line = document.lines.get((key,), 0)
        if key == "environment":
            why = "is not read offline, since only Pulumi Cloud can open it: write the values under config"
            faults.append(Fault(key, None, why, line=line))
        elif key not in SECTIONS:
            faults.append(
                Fault(spell((key,)), None, "is not a section of a stack file", ", ".join(SECTIONS), did_you_mean(key, SECTIONS), line)
            )
        elif key == "config" and not isinstance(value, dict) and value is not BROKEN:
            faults.append(Fault(key, None, "must be a mapping of configuration keys", allowed=KEY, line=line))
        elif key != "config" and not isinstance(value, str) and value is not BROKEN:
            faults.append(Fault(key, None, "must be text: quote it", line=line))
    return faults


def _config(document: Document) -> tuple[dict[str, Any], dict[Path, int], list[Fault]]:
    """Configuration by namespaced key, as the engine names keys, the lines by those keys, and keys given in two spellings."""
    section = document.value.get("config") if isinstance(document.value, dict) else None
    spelt = {key: _namespaced(key) for key in section} if isinstance(section, dict) else {}
    config: dict[str, Any] = {}
    faults = []
    for key, name in spelt.items():
        line = document.lines.get(("config", key), 0)
        if name in config:
            faults.append(Fault(f"config:{printable(name)}", None, "is given in two spellings: keep one", line=line))
        elif name.count(":") != 1:
            faults.append(Fault(f"config:{printable(key)}", None, "is not a configuration key", allowed=KEY, line=line))
        else:
            config[name] = section[key] if isinstance(section, dict) else None
    lines = {(spelt.get(str(at[1]), at[1]), *at[2:]): line for at, line in document.lines.items() if at[:1] == ("config",) and len(at) > 1}
    return config, lines, faults


def _namespaced(key: str) -> str:
    """`platform` and `groundwork:config:platform` are both `groundwork:platform` to the engine."""
    parts = key.split(":")
    if len(parts) == 1:
        return f"{PROJECT}:{key}"
    return f"{parts[0]}:{parts[2]}" if len(parts) == 3 and parts[1] == "config" else key


@dataclass(slots=True)
class _Secrets:
    """Lifts `secure:` leaves out of plain data; depth is bounded by the reader."""

    paths: list[Path] = field(default_factory=list)
    malformed: list[Path] = field(default_factory=list)

    def lift(self, value: Any, path: Path) -> Any:
        if isinstance(value, list):
            return [self.lift(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "secure" not in value:
            return {key: self.lift(item, (*path, key)) for key, item in value.items()}
        if len(value) == 1 and isinstance(value["secure"], str):
            self.paths.append(path)
            return Secret(value["secure"], encrypted=True)
        self.malformed.append(path)
        return BROKEN
