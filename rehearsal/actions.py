"""Actions on a stage: up, preview, refresh, destroy. The engine's own display is passed on; the facts come from its event log."""

import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal

from rehearsal import events
from rehearsal.checkpoint import Damaged
from rehearsal.comparison import Resource
from rehearsal.folders import write_whole
from rehearsal.stage import Stage, StageFailed

if TYPE_CHECKING:
    from rehearsal.store import Store

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
    After a destroy `retained` is what the clouds keep by design. `remaining` is what is in the clouds though no state holds it,
    `notes` what else a person should know, and `carried_out` counts what the clouds did by operation, also where the engine did not
    live to tell it, `reported` says whether the report was written.
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
    notes: Sequence[str] = ()
    carried_out: Mapping[str, int] = field(default_factory=dict)
    reported: bool = True

    @property
    def fine(self) -> bool:
        """Whether the engine ended well and its event log agrees."""
        return self.code == 0 and self.facts.result == "succeeded" and not self.protected and not self.remaining

    @property
    def went_well(self) -> bool:
        """Whether the engine ended well, whatever is left in the clouds beside its state."""
        return self.code == 0 and self.facts.result == "succeeded" and self.action != "destroy"

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
    stage.demand_order()
    before = stage.state().resources
    protected = [found["urn"] for found in before if found.get("protect")] if action == "destroy" else []
    if protected:
        return _reported(stage, Outcome(action, stage.stack, 1, 0.0, events.NOTHING, protected=protected, notes=stage.notes))
    kept_before, logged = _retained(stage), _logged(stage)
    log = stage.reports / f"{action}.events.jsonl"
    log.unlink(missing_ok=True)
    started = time.monotonic()
    arguments = [*COMMANDS[action], "--event-log", str(log), *(_pack(stage) if packs and action in JUDGED else [])]
    result = stage.pulumi(*arguments, capture=False, stdout=display)
    seconds = round(time.monotonic() - started, 1)
    remaining, notes = _aftermath(stage, before) if action != "preview" else ((), [])
    gone = action == "destroy" and result.code == 0
    retained = _left_by_design(stage, before, kept_before) if gone else ()
    outcome = Outcome(
        action,
        stage.stack,
        result.code,
        seconds,
        events.read(log),
        log,
        (),
        retained,
        remaining,
        [*stage.notes, *notes],
        _carried_out(stage, logged),
    )
    if action == "destroy" and outcome.fine:
        stage.file.restore()
        _cleaned(stage, retained)
    return _reported(stage, outcome)


def _cleaned(stage: Stage, retained: Sequence[Left]) -> None:
    """Do on the stage what docs/destroy.md asks for on an account: remove what services wrote again."""
    from rehearsal.answers import WRITTEN_AGAIN

    with _store(stage) as store, store.transaction() as txn:
        for left in retained:
            if left.reason.startswith(WRITTEN_AGAIN):
                txn.forget(left.token, left.id)


def _aftermath(stage: Stage, before: Sequence[Resource]) -> tuple[tuple[Left, ...], list[str]]:
    """(what is in the clouds and in no state, what else the next command will meet) after the engine has ended, however it did."""
    notes = [f"stopped by {signal.Signals(number).name}" for number in stage.signals.received[:1]]
    try:
        let_go(stage, before)
        found = stage.compare()
    except (Damaged, OSError, sqlite3.Error) as error:
        return (), [*notes, f"the stage is not whole after this: {error}\n{stage.advice('recover')} tells what can be done"]
    remaining = [Left(left.token, left.id, left.urn, "in the cloud, in no state") for left in found.unknown]
    again = f"{stage.advice('recover')} brings the stage in order"
    return tuple(remaining), [*notes, *found.refusals, *([again] if found.refusals or remaining else [])]


def let_go(stage: Stage, before: Sequence[Resource]) -> None:
    """Remember the objects that the program asked to be left alone (`retain_on_delete`) when their resources went from the state."""
    held = {(row["urn"], row.get("id")) for row in stage.state().resources}
    gone = {(row["urn"], row.get("id")) for row in before if row.get("retainOnDelete")} - held
    if not gone:
        return
    with _store(stage) as store:
        store.leave(found.seq for found in store.identities() if (found.urn, found.id) in gone)


def _store(stage: Stage) -> "Store":
    from rehearsal.store import Store  # loads what is known of the SDK's types

    return Store(stage.store)


def _logged(stage: Stage) -> int:
    """How many operations the clouds have logged."""
    with _store(stage) as store:
        return len(store.operations())


def _carried_out(stage: Stage, logged: int) -> Mapping[str, int]:
    """How many operations of each kind the clouds carried out since then, whatever the engine knows of them."""
    try:
        with _store(stage) as store:
            since = store.operations()[logged:]
    except sqlite3.Error:
        return {}
    return dict(Counter(row.operation for row in since if row.outcome == "ok" or (row.operation == "create" and row.id)))


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
    try:
        write_whole(stage.reports / f"{outcome.action}.json", json.dumps(outcome.to_json(), indent=1) + "\n")
    except OSError as error:
        return replace(outcome, reported=False, notes=[*outcome.notes, f"the report could not be written: {error}"])
    return outcome


def _pack(stage: Stage) -> list[str]:
    if not (stage.copy / PACK / "PulumiPolicy.yaml").is_file():
        raise StageFailed(f"{stage.project} has no policy pack in {PACK}/; run without packs")
    lowered = stage.root / "pack-config.json"
    lowered.write_text(json.dumps(LOWERED))
    return ["--policy-pack", PACK, "--policy-pack-config", str(lowered)]


def _retained(stage: Stage) -> list[Left]:
    """What the clouds keep by design of all that was ever deleted."""
    with _store(stage) as store:
        return [Left(found.token, found.id, found.urn, found.reason) for found in store.retained()]


def _left_by_design(stage: Stage, before: Sequence[Resource], kept_before: Sequence[Left]) -> tuple[Left, ...]:
    """What this destroy left in the clouds on purpose: theirs, and the program's."""
    wanted = {row["urn"] for row in before if row.get("retainOnDelete")}
    with _store(stage) as store:
        kept = [Left(o.token, o.id, o.urn, "retained on delete by the program") for o in store.identities() if o.urn in wanted]
    return (*(left for left in _retained(stage) if left not in kept_before), *kept)
