"""A stage brought in order after a crash: pending operations settled, state and clouds made to agree."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.checkpoint import Pending, latest
from rehearsal.comparison import Resource
from rehearsal.stage import Stage
from rehearsal.store import SEALED, Object


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done, one line for each thing, and what could not be brought in order."""

    done: Sequence[str]
    left: Sequence[str]


def recover(stage: Stage) -> Recovered:
    """Bring an entered stage in order. Its stale lock and its damaged state file were mended on entering.

    Pending creates are settled by what the clouds hold, other pending operations by a refresh of
    their resources; what is in the clouds and in no state is removed from there; where the clouds
    hold nothing of a state, the state is emptied. Raises StageFailed.
    """
    done = list(stage.mended)
    found = stage.compare()
    if found.pending:
        done += _settle(stage, found.pending)
    if stage.compare().lost:
        stage.pulumi("refresh", "--yes", "--skip-preview", check=True)
        done.append("the clouds held nothing of this state; it is empty now, as they are")
    done += [_removed(stage, unknown.seq) for unknown in reversed(stage.compare().unknown)]
    after = stage.compare()
    left = [f"{pending.urn}: still {pending.operation}" for pending in after.pending]
    left += [f"{unknown.token} {unknown.id}: in the cloud, in no state" for unknown in after.unknown]
    left += [f"{urn}: in the state, in no cloud (refresh takes it out)" for urn in after.missing]
    return Recovered(done, left)


def _settle(stage: Stage, pending: Sequence[Pending]) -> Sequence[str]:
    assert stage.state_file is not None
    unknown = {found.seq for found in stage.compare().unknown}
    objects = [found for found in stage.objects() if found.seq in unknown]
    settled = settle(latest(stage.state_file), objects, stage.packages)
    scratch = stage.root / "settled.json"
    try:
        scratch.touch(0o600)
        scratch.write_text(json.dumps({"version": 3, "deployment": settled.deployment}))
        stage.pulumi("stack", "import", "--file", str(scratch), check=True)
    finally:
        scratch.unlink(missing_ok=True)
    held = {row["urn"] for row in settled.deployment["resources"]}
    unsure = {row.urn for row in pending if row.operation != "creating"} & held
    targets = [part for urn in sorted(unsure) for part in ("--target", urn)]
    if targets:
        stage.pulumi("refresh", "--yes", "--skip-preview", *targets, check=True)
    return settled.said


def _removed(stage: Stage, seq: int) -> str:
    found = next(found for found in stage.objects() if found.seq == seq)
    refused = stage.discard(found)
    said = f"{found.token} {found.id} was in the cloud and in no state; it has been removed from there"
    return f"{said} though the cloud said: {refused}" if refused else said


@dataclass(frozen=True, slots=True)
class Settled:
    """A deployment without pending operations, and one line for each that was settled."""

    deployment: dict[str, Any]
    said: Sequence[str]


def settle(deployment: Mapping[str, Any], unknown: Sequence[Object], packages: Collection[str]) -> Settled:
    """Settle every pending operation by what the clouds hold; `unknown` are their objects that no state holds.

    `packages` are those of the stand-in clouds. Of others nobody here knows what was made: Pulumi's
    Kubernetes provider of the rehearsal takes over what exists when it is told to create it.

    A create that made something becomes a resource with its id, one that made nothing is cleared; a
    delete that was carried out removes its resource. Of an update the next refresh knows more.
    """
    resources = [dict(row) for row in deployment.get("resources") or ()]
    latest = {found.urn: found for found in unknown}
    said = []
    for row in deployment.get("pending_operations") or ():
        resource, operation = row["resource"], row["type"]
        made = latest.pop(resource["urn"], None) if operation == "creating" else None
        if made:
            _adopt(resources, _resource(resource, made))
            said.append(f"{resource['urn']}: was created as {made.id}; it is in the state now")
        elif operation == "creating" and resource["type"].partition(":")[0] not in packages:
            said.append(f"{resource['urn']}: perhaps created; the pending operation is cleared, and the next up takes over what is there")
        elif operation == "creating":
            said.append(f"{resource['urn']}: was not created; the pending operation is cleared")
        else:
            said.append(f"{resource['urn']}: interrupted while {operation}; a refresh decides")
    return Settled({**deployment, "resources": resources, "pending_operations": []}, said)


def _adopt(resources: list[dict[str, Any]], new: dict[str, Any]) -> None:
    """Add a resource as the engine does: where it replaces another, that one is due for deletion behind it."""
    for index, old in enumerate(resources):
        if old["urn"] == new["urn"] and not old.get("delete"):
            resources[index : index + 1] = [new, {**old, "delete": True}]
            return
    resources.append(new)


def _resource(pending: Resource, made: Object) -> dict[str, Any]:
    """The resource of a create that was carried out.

    The clouds keep no secrets: a property that holds one is taken from the inputs, where the engine
    has it encrypted, and is left to the next refresh where the inputs have none.
    """
    inputs = pending.get("inputs") or {}
    outputs = {
        name: value if not _sealed(value) else inputs[name] for name, value in made.outputs.items() if not _sealed(value) or name in inputs
    }
    return {**pending, "id": made.id, "outputs": outputs}


def _sealed(value: object) -> bool:
    return json.dumps(SEALED) in json.dumps(value)
