"""What Pulumi's Kubernetes provider sends of an object of which others own a part, and what it sees of it later.

Source: pulumi/pulumi-kubernetes at 94977969, provider/pkg/await/await.go (handleSSAIgnoreFields, patchForce) and provider/pkg/provider
(Read, pruneMap). A path of `ignore_changes` that steps into a list is honoured by its diff, and passed over when it sends: an update for
another reason sends the value of the last state, with force where the object asks for it.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from rehearsal import wire

FORCE = "pulumi.com/patchForce"
WAIT = "pulumi.com/waitFor"


def sent(body: Mapping[str, Any], live: Mapping[str, Any] | None, ignored: Iterable[str], manager: str) -> dict[str, Any]:
    """What is applied: an ignored field is left out where others alone own it, and else has the value that it has now."""
    made = deepcopy(dict(body))
    for path in ignored if live else ():
        steps = path.split(".")
        if any("[" in step for step in steps):
            continue
        value = _at(live, steps)
        theirs = _owned(live, steps, manager, ours=False) and not _owned(live, steps, manager, ours=True)
        holder = _at(made, steps[:-1])
        if theirs and isinstance(holder, dict):
            holder.pop(steps[-1], None)
        elif value is not None and isinstance(holder, dict):
            holder[steps[-1]] = value
    return made


def forced(body: Mapping[str, Any]) -> bool:
    """Whether an object asks to be taken from whoever owns it."""
    return annotation(body, FORCE) == "true"


def annotation(body: Mapping[str, Any], name: str) -> str:
    """An annotation of an object; "" when there is none."""
    return str((body["metadata"].get("annotations") or {}).get(name, ""))


def condition(body: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether an object is what its manifest says is to be waited for; one that says nothing is. One condition is understood."""
    awaited = annotation(body, WAIT).removeprefix("condition=")
    rows = live.get("status", {}).get("conditions") or ()
    return not awaited or any(row["type"] == awaited and row["status"] == "True" for row in rows)


def seen(inputs: Any, applied: Any, live: Any) -> Any:
    """The inputs, with what is there now wherever it is not what applying them gives; what nobody stated stays out."""
    if applied == live:
        return inputs
    plain = wire.revealed(inputs) if not isinstance(inputs, Mapping | list | tuple) else inputs
    if isinstance(plain, Mapping) and isinstance(applied, Mapping) and isinstance(live, Mapping):
        return {key: seen(value, applied.get(key), live.get(key)) for key, value in plain.items() if key in live or key not in applied}
    if isinstance(plain, list | tuple) and isinstance(applied, list) and isinstance(live, list) and len(plain) == len(applied) == len(live):
        return [seen(*rows) for rows in zip(plain, applied, live, strict=True)]
    return live


def _at(body: Any, steps: Iterable[str]) -> Any:
    for step in steps:
        body = body.get(step) if isinstance(body, Mapping) else None
    return body


def _owned(live: Any, steps: Iterable[str], manager: str, *, ours: bool) -> bool:
    """Whether a manager of fields owns a field or a part of it: ours, or any other."""
    rows = [row for row in live["metadata"].get("managedFields", ()) if (row["manager"] == manager) is ours]
    return any(_at(row["fieldsV1"], [f"f:{step}" for step in steps]) is not None for row in rows)
