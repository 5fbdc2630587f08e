"""Mending of a stage's backend after earlier processes: stale locks, and files that were cut off."""

from pathlib import Path
from typing import Final

from rehearsal import checkpoint, engine_lock
from rehearsal.checkpoint import Damaged
from rehearsal.folders import write_whole

META: Final = "version: 1\n"
"""What the engine writes into `.pulumi/meta.yaml` of a backend that it makes."""


class StageBusy(Exception):
    """Another process uses the stage."""


class StageFailed(Exception):
    """The stage could not be set; the message holds what the engine said."""


def put_in_order(backend: Path, stack: str, *, mend: bool) -> list[str]:
    """Remove stale locks of the engine, and with `mend` restore a damaged state file; says what was done.

    The stage's lock must be held. Raises StageBusy for an engine that still runs, and StageFailed
    for a damaged state file that is not to be mended or cannot be.
    """
    try:
        said = engine_lock.clear(backend, stack)
    except engine_lock.EngineRuns as error:
        raise StageBusy(str(error)) from None
    _drop_sidecars(backend)
    said += _whole_meta(backend / ".pulumi" / "meta.yaml")
    path = checkpoint.place(backend, stack)
    if path is None or checkpoint.never_used(path):
        return said
    try:
        checkpoint.read(path)
    except Damaged as damage:
        said.append(_restored(stack, path, damage, mend=mend))
    return said


def _drop_sidecars(backend: Path) -> None:
    """Remove the `.attrs` files beside the engine's own: one that is cut off makes every command fail with "EOF".

    They hold a content type, which nobody reads (gocloud.dev, blob/fileblob/attrs.go: setAttrs).
    """
    for sidecar in (backend / ".pulumi").rglob("*.attrs"):
        sidecar.unlink(missing_ok=True)


def _whole_meta(path: Path) -> list[str]:
    """Write the engine's note of its backend's format anew where it was cut off; says so.

    Without it the engine takes stacks to be kept as versions before 3.61 kept them, or calls the store
    corrupt (pulumi/pulumi v3.259.0, pkg/backend/diy/meta.go). Stages have had one format alone.
    """
    if not path.exists() or path.read_text().strip() == META.strip():
        return []
    write_whole(path, META)
    return [f"{path} was damaged and has been written anew"]


def _restored(stack: str, path: Path, damage: Damaged, *, mend: bool) -> str:
    command = "groundwork rehearse {} --stack " + stack
    copy = next(checkpoint.copies(path), None)
    if copy is None:
        advice = f"{command.format('reset')} starts a new stage"
        raise StageFailed(f"{damage}\nNo copy of it is whole. {advice}") from damage
    if not mend:
        advice = f"{command.format('recover')} restores it from {copy}"
        raise StageFailed(f"the engine's state of {stack} is damaged: {damage}\n{advice}") from damage
    kept = checkpoint.restore(path, copy)
    return f"{path} was damaged and has been restored from {copy.name}" + (f"; what it was is {kept}" if kept else "")
