"""Events of the engine, read from its event log (sdk/go/common/apitype/events.go of pulumi/pulumi v3.259.0)."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SECRET_KEY: Final = "4dabf18193072939515e22adb298388d"
"""The key by which the engine marks an object of its protocol that is not what it looks like: a secret, an asset, an unknown."""
SHOWN_SECRET: Final = "[secret]"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The text that stands for an unknown value."""
STACK: Final = "pulumi:pulumi:Stack"


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation that a policy pack reported. `level` is mandatory, advisory or remediate."""

    pack: str
    rule: str
    level: str
    urn: str
    message: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one operation did.

    `result` is the engine's own word (succeeded, failed, canceled), or "" when it did not come to an end.
    `changes` counts resources by operation (create, same, update …), `steps` lists (operation, urn) of all that were not left the same,
    `types` counts the resources there are by type token, and `outputs` are the stack's, secrets masked.
    """

    result: str
    changes: Mapping[str, int]
    steps: Sequence[tuple[str, str]]
    types: Mapping[str, int]
    outputs: Mapping[str, Any]
    findings: Sequence[Finding]
    errors: Sequence[str]


NOTHING: Final = Facts("", {}, (), {}, {}, (), ())
"""The facts of an operation that did not begin."""


def read(path: Path) -> Facts:
    """The facts of an event log; of one that was cut short, what is in it."""
    summary: Mapping[str, Any] = {}
    steps: list[tuple[str, str]] = []
    there: dict[str, str] = {}
    outputs: Mapping[str, Any] = {}
    findings: list[Finding] = []
    errors: list[str] = []
    for event in _events(path):
        if found := event.get("summaryEvent"):
            summary = found
        elif found := event.get("resourcePreEvent"):
            if found["metadata"]["op"] != "same":
                steps.append((found["metadata"]["op"], found["metadata"]["urn"]))
        elif found := event.get("resOutputsEvent"):
            new = found["metadata"].get("new")
            there.update({new["urn"]: new["type"]} if new else {})
            outputs = masked(new["outputs"]) if new and new["type"] == STACK else outputs
        elif found := event.get("policyEvent"):
            findings.append(_finding(found))
        elif (found := event.get("diagnosticEvent")) and found["severity"] == "error":
            errors.append(found["message"].strip())
    changes, types = summary.get("resourceChanges", {}), dict(Counter(there.values()))
    return Facts(summary.get("result", ""), changes, steps, types, outputs, findings, errors)


def _events(path: Path) -> Iterator[Mapping[str, Any]]:
    """Every whole line; the last one may be cut when the engine was killed."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def _finding(event: Mapping[str, Any]) -> Finding:
    return Finding(
        event["policyPackName"], event["policyName"], event["enforcementLevel"], event.get("resourceUrn", ""), event["message"].strip()
    )


def masked(value: Any) -> Any:
    """A value of the engine's protocol as plain JSON: secrets are [secret], unknowns are [unknown]."""
    if isinstance(value, Mapping):
        return SHOWN_SECRET if SECRET_KEY in value else {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return "[unknown]" if value == UNKNOWN else value
