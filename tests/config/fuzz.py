"""Mutations of stack files before both readers, in a process of its own, where time and memory can be told.

`python -m tests.config.fuzz SEED FIRST COUNT FOLDER` prints one JSON object a line for each fault found, and at last a summary.
The file that was being read stands in FOLDER while it is, so that a death of the process leaves it there.
"""

import contextlib
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final
from unittest import mock

import yaml

from infra import config
from infra.config import load_engine, load_file
from infra.reading.faults import ConfigFaults, render
from infra.reading.stackfile import KEY, StackFile, engine_text, scan
from tests.config.mutations import ROOT, mutation

SECONDS: Final = 5.0
"""Processor time that a reader may take for one file."""
MEBIBYTES: Final = 300
STACK: Final = "case"


class TooLong(BaseException):
    """A reader did not come back in time. No Exception, so that nothing on the way takes it for one."""


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    def late(number: int, frame: FrameType | None) -> None:
        raise TooLong("".join(traceback.format_stack(frame, limit=3)))

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _peak() -> float:
    """The most memory that this process held since it was asked last, in MiB; of its whole life where Linux does not tell."""
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    Path("/proc/self/clear_refs").write_text("5")
    return peak


def offline(path: Path) -> tuple[list[str] | None, StackFile]:
    """Paths of the faults that the offline reader finds, None for a sound file; and the file as it was scanned."""
    scanned: list[StackFile] = []

    def kept(place: Path) -> StackFile:
        scanned.append(scan(place))
        return scanned[-1]

    try:
        with mock.patch.object(config, "scan", kept):
            load_file(path)
        return None, scanned[0]
    except ConfigFaults as refused:
        found = refused
    told = [(fault.path, fault.message, fault.line) for fault in found.faults]
    assert len(set(told)) == len(told), "a fault is told twice"
    assert all(line.isprintable() for line in render(found, lines=True).split("\n")), "a message holds what does not print"
    return sorted({path for path, *_ in told}), scanned[0]


def engine(texts: dict[str, str], folder: Path, *, secret: bool) -> str | None:
    """The error that the program ends with under the engine, or None."""
    import pulumi
    from pulumi.runtime import settings

    settings.configure(settings.Settings("groundwork", STACK, root_directory=str(folder)))
    pulumi.runtime.set_all_config(texts, [KEY] if secret else [])
    try:
        load_engine()
    except pulumi.RunError as error:
        return str(error)
    return None


def handed(file: StackFile, content: bytes) -> dict[str, str] | None:
    """What the engine would hand the program for a file: as the offline reader has it, or as another reader of YAML sees it."""
    value: Any = file.config
    if file.refused:
        try:
            value = (yaml.load(content, Loader=yaml.CSafeLoader) or {}).get("config")
        except (yaml.YAMLError, AttributeError, ValueError, UnicodeDecodeError, TypeError, RecursionError, OverflowError):
            return None
    if not isinstance(value, dict):
        return None
    plain = {str(key): _text(item) for key, item in value.items()}
    return {key: text.encode("utf-8", "replace").decode() for key, text in plain.items()}


def _text(value: Any) -> str:
    return json.dumps(value, default=_plain) if isinstance(value, dict | list) else engine_text(_plain(value))


def _plain(value: Any) -> Any:
    if hasattr(value, "reveal"):
        return "CANARY-" + value.reveal()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def case(path: Path, content: bytes, seen: Counter[str]) -> None:
    """Judge one file with both readers. Raises AssertionError where they differ or a secret is told."""
    path.write_bytes(content)
    with _in_time():
        told, file = offline(path)
    texts = handed(file, content)
    if texts is None:
        seen["read offline alone"] += 1
        return
    seen["read by both"] += 1
    seen["sound"] += told is None
    secret = bool(file.secure_paths)
    with _in_time():
        error = engine(texts, path.parent, secret=secret)
    assert "CANARY" not in (error or ""), f"a secret is told: {error}"
    if not file.refused:
        assert (told is None) == (error is None), f"offline {told}, under the engine {error}"
        assert error is None or all(f"  {where}" in error for where in told or ()), f"offline {told}, under the engine {error}"


def main(seed: int, first: int, count: int, folder: Path) -> None:
    """Judge the mutations of a seed from one number on."""
    os.environ["GROUNDWORK_NOW"] = "1970-01-01T00:00:00Z"
    for beside in ROOT.glob("Pulumi.*.yaml"):
        (folder / beside.name).write_bytes(beside.read_bytes())
    path, seen, slowest, most = folder / f"Pulumi.{STACK}.yaml", Counter[str](), 0.0, _peak()
    for number in range(first, first + count):
        source, content = mutation(seed, number)
        started, wrong = time.process_time(), ""
        try:
            case(path, content, seen)
        except (Exception, TooLong) as error:
            wrong = f"{type(error).__name__}: {str(error)[:600]} at {traceback.extract_tb(error.__traceback__)[-1]}"
        taken, peak = time.process_time() - started, _peak()
        slowest, most = max(slowest, taken), max(most, peak)
        if peak > MEBIBYTES:
            wrong = f"{wrong} took {peak:.0f} MiB"
        if wrong:
            (folder / f"wrong-{number}.yaml").write_bytes(content)
            print(json.dumps({"number": number, "source": source, "wrong": wrong}), flush=True)
    print(json.dumps({"cases": count, "slowest": round(slowest, 3), "mebibytes": round(most), "seen": seen}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
