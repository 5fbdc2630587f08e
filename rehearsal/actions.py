"""What is rehearsed on a stage: up, preview, refresh, destroy. The engine's own display is passed on; the facts come from its event log."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

from graph.urns import Urn
from rehearsal import events
from rehearsal.stage import Stage, StageFailed

Action = Literal["up", "preview", "refresh", "destroy"]

COMMANDS: Final[Mapping[Action, tuple[str, ...]]] = {
    "up": ("up", "--yes"),
    "preview": ("preview",),
    "refresh": ("refresh", "--yes"),
    "destroy": ("destroy", "--yes"),
}
JUDGED: Final[frozenset[Action]] = frozenset({"up", "preview"})
"""Actions that run the program, and so the policy pack."""

PACK: Final = "policies"
LOWERED: Final[Mapping[str, str]] = {"placeholder-image": "advisory", "placeholder-id": "advisory"}
"""Rules that a rehearsal only advises on: it pulls no image and knows no account, so a placeholder is not wrong yet."""


@dataclass(frozen=True, slots=True)
class Left:
    """Something that a destroyed stack leaves behind, and why."""

    token: str
    id: str
    urn: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended. `code` is the engine's exit code, `seconds` wall-clock time.

    `protected` is set when a destroy was refused before anything was asked of a cloud: the resources that stand in its way.
    After a destroy `retained` is what the clouds keep by design, `remaining` what is still there though it should not be.
    """

    action: Action
    stack: str
    code: int
    seconds: float
    facts: events.Facts
    log: Path | None = None
    protected: Sequence[str] = ()
    retained: Sequence[Left] = ()
    remaining: Sequence[Left] = field(default=())

    @property
    def fine(self) -> bool:
        """Whether the engine ended well and its event log agrees."""
        return self.code == 0 and self.facts.result == "succeeded" and not self.protected and not self.remaining

    @property
    def policy_failed(self) -> bool:
        """Whether a mandatory rule stopped it."""
        return not self.fine and any(finding.level == "mandatory" for finding in self.facts.findings)

    @property
    def resources(self) -> int:
        """How many resources the stack has now, providers and components counted, the stack itself not."""
        return sum(count for token, count in self.facts.types.items() if token != events.STACK)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON, secrets masked."""
        return {**asdict(self), "log": str(self.log) if self.log else None, "resources": self.resources, "fine": self.fine}


def act(action: Action, stage: Stage, *, packs: bool = True, display: IO[str] | int | None = None) -> Outcome:
    """Run an action on an entered stage. The engine's display goes to `display`, or to our standard output.

    `packs` runs the project's policy pack beside the program. Writes reports/<action>.json beside the event log.
    Raises StageFailed when the project has no pack, the state cannot be read, or what is to be destroyed bears other stacks.
    """
    if action == "destroy" and stage.standing:
        raise StageFailed(f"{', '.join(stage.standing)} stand on {stage.stack}: destroy them first")
    state = _resources(stage) if action == "destroy" else []
    protected = [found["urn"] for found in state if found.get("protect")]
    if protected:
        outcome = Outcome(action, stage.stack, 1, 0.0, events.Facts("", {}, (), {}, {}, (), ()), protected=protected)
        return _reported(stage, outcome)
    kept_before = _retained(stage)
    log = stage.reports / f"{action}.events.jsonl"
    log.unlink(missing_ok=True)
    started = time.monotonic()
    arguments = [*COMMANDS[action], "--event-log", str(log), *(_pack(stage) if packs and action in JUDGED else [])]
    result = stage.pulumi(*arguments, capture=False, stdout=display)
    seconds = round(time.monotonic() - started, 1)
    retained, remaining = _left(stage, state, kept_before) if action == "destroy" and result.code == 0 else ((), ())
    outcome = Outcome(action, stage.stack, result.code, seconds, events.read(log), log, (), retained, remaining)
    if action == "destroy" and outcome.fine:
        stage.file.restore()
        _cleaned(stage, retained)
    return _reported(stage, outcome)


def _cleaned(stage: Stage, retained: Sequence[Left]) -> None:
    """Do on the stage what docs/destroy.md asks for on an account: remove what services wrote again."""
    from rehearsal.answers import WRITTEN_AGAIN
    from rehearsal.store import Store

    with Store(stage.store) as store, store.transaction() as txn:
        for left in retained:
            if left.reason.startswith(WRITTEN_AGAIN):
                txn.forget(left.token, left.id)


def unprotect(stage: Stage, fields: Sequence[str], *, display: IO[str] | int | None = None) -> Outcome:
    """Make a stack ready to be destroyed: turn the named boolean configuration fields off on the stage, bring that up, unprotect the state.

    `fields` are spelled as for `pulumi config set --path`. The policy pack is left out: it demands the very protection that is taken away.
    Lasts until the stack file changes or the stack is destroyed. Raises StageFailed.
    """
    if fields:
        stage.pulumi("config", "set-all", "--path", *(part for name in fields for part in ("--plaintext", f"{name}=false")), check=True)
    outcome = act("up", stage, packs=False, display=display)
    if outcome.fine:
        stage.pulumi("state", "unprotect", "--all", "--yes", check=True)
    return outcome


def _reported(stage: Stage, outcome: Outcome) -> Outcome:
    (stage.reports / f"{outcome.action}.json").write_text(json.dumps(outcome.to_json(), indent=1) + "\n")
    return outcome


def _pack(stage: Stage) -> list[str]:
    if not (stage.copy / PACK / "PulumiPolicy.yaml").is_file():
        raise StageFailed(f"{stage.project} has no policy pack in {PACK}/; run without packs")
    lowered = stage.root / "pack-config.json"
    lowered.write_text(json.dumps(LOWERED))
    return ["--policy-pack", PACK, "--policy-pack-config", str(lowered)]


def _resources(stage: Stage) -> list[dict[str, Any]]:
    """The resources of the engine's state."""
    exported = json.loads(stage.pulumi("stack", "export", check=True).stdout)
    found: list[dict[str, Any]] = exported["deployment"].get("resources", [])
    return found


def _retained(stage: Stage) -> list[Left]:
    """What the clouds keep by design of all that was ever deleted."""
    from rehearsal.store import Store

    with Store(stage.store) as store:
        return [Left(found.token, found.id, found.urn, found.reason) for found in store.retained()]


def _left(stage: Stage, before: Sequence[Mapping[str, Any]], kept_before: Sequence[Left]) -> tuple[tuple[Left, ...], tuple[Left, ...]]:
    """(what this destroy left by design, what is left though nothing asked for it) in the clouds, but for what other stacks made there."""
    from rehearsal.store import Store

    wanted = {found["urn"] for found in before if found.get("retainOnDelete")}
    with Store(stage.store) as store:
        objects = [found for found in store.objects() if not found.urn or Urn.parse(found.urn).stack == stage.stack]
    retained = [left for left in _retained(stage) if left not in kept_before]
    retained += [Left(o.token, o.id, o.urn, "retained on delete by the program") for o in objects if o.urn in wanted]
    return tuple(retained), tuple(Left(o.token, o.id, o.urn, "still in the cloud") for o in objects if o.urn not in wanted)
