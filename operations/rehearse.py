"""`groundwork rehearse`: the real engine runs a stack against stand-in clouds, on a copy of the project that is kept between runs."""

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from pydantic import BaseModel

from components.given import given
from infra.reading.stackfile import stack_of
from operations.exits import CONFIG_FAULT, FINE, INTERNAL_FAULT, POLICY_FAILED
from operations.real_provider import REAL, real_provider
from operations.selection import named, parallel_option, project_root, stack_file, stack_options
from operations.summaries import by_package, changed, not_judged, refusal
from operations.told import say, tell
from rehearsal.actions import COMMANDS, JUDGED, Action, Outcome, act, let_go, unprotect
from rehearsal.control_plane.processes import DidNotStart
from rehearsal.control_plane.tools import NoControlPlane
from rehearsal.engine import NoEngine, revealing
from rehearsal.faults import FaultsInvalid
from rehearsal.golang import NoSuchWay, Unavailable
from rehearsal.keeper import PROVIDER, keeper
from rehearsal.signals import Interrupted
from rehearsal.stage import Clouds, Stage, StageBusy, StageFailed, stand_in_clouds

if TYPE_CHECKING:
    from review.timeline import Timeline

Command = TypeVar("Command", bound=Callable[..., Any])

CONFIG_MARK: Final = "is not a valid configuration"
"""What infra.reading.faults.render says of a configuration that cannot be used; the program passes it to the engine as its error."""

STAGE_FAULTS: Final = (NoEngine, NoControlPlane, Unavailable, DidNotStart, StageBusy, StageFailed, FaultsInvalid, NoSuchWay)
"""What may keep a stage from being set; each says what to do."""

STAGE_ENDS: Final = (*STAGE_FAULTS, Interrupted)
"""What may end a command on a stage before it has an outcome."""

SCHEMAS: Final = "schemas alone (--cluster puts a real API server there)"
"""What Kubernetes objects were held against."""

DONE: Final[dict[Action, tuple[str, str]]] = {
    "up": ("is up", "did not come up"),
    "preview": ("was previewed", "could not be previewed"),
    "refresh": ("was refreshed", "could not be refreshed"),
    "destroy": ("is gone", "was not taken down whole"),
}
"""What is said of a stack after an action that went well, and after one that did not."""


@click.group()
def rehearse() -> None:
    """Run the real Pulumi engine against stand-in clouds. No account, no credentials, nothing written to the checkout.

    The stage is a copy of the project; it keeps its state from one command to the next, so what is brought up can be changed,
    refreshed and destroyed. `reset` throws it away.
    """


def _faults_option(command: Command) -> Command:
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--faults", type=kind, help="A file of faults for the stand-in clouds (see rehearsal/faults.py).")(command)


def _stage(stack: str | None, config: Path | None, faults: Path | None) -> Stage:
    file = stack_file(stack, config)
    platform = _platform_of(file)
    clouds = clouds_around(platform[1] if platform else file)
    name = named(stack_of(file), str(file))
    return Stage(project_root(), name, stack_file=file, platform=platform, faults=faults, clouds=clouds)


def _as_before(stage: Stage, faults: Path | None = None) -> tuple[Stage, str]:
    """The same with the keeper of Kubernetes objects that the stage was last used with. Raises STAGE_FAULTS."""
    return _on_clusters(stage, faults) if keeper(stage.store) == PROVIDER else (stage, SCHEMAS)


def _on_clusters(stage: Stage, faults: Path | None) -> tuple[Stage, str]:
    """The stage with real API servers, and what Kubernetes objects are held against on it. Raises STAGE_FAULTS."""
    file = stage.stack_file
    platform = _platform_of(file)
    below = platform[1] if platform else file
    real = real_provider(stage.root, list(dict.fromkeys((below, file))), given_to(below))
    if real is None:
        return stage, SCHEMAS
    chosen = Stage(project_root(), stage.stack, stack_file=file, platform=platform, faults=faults, clouds=real.clouds)
    chosen.file.values = real.values
    return chosen, REAL


def given_to(file: Path) -> dict[str, Any]:
    """What exists before a stack file is rehearsed, as rehearsal.servers.start takes it."""
    return {"objects": _given(file)}


def clouds_around(file: Path) -> Clouds:
    """Stand-in clouds for a stage, in which everything is that a stack file names and others own."""
    return partial(stand_in_clouds, existing=given_to(file))


def _platform_of(file: Path) -> tuple[str, Path] | None:
    """The platform that a stack of endpoints stands on, and its file; None for a stack that stands on its own."""
    from infra.reading.stackfile import KEY, scan
    from infra.serving import is_serving

    said = scan(file).config.get(KEY)
    name = said.get("platform") if is_serving(said) else None
    if not name:
        return None
    stack = named(str(name), f"{file}, platform")
    return stack, file.parent / f"Pulumi.{stack}.yaml"


def _given(file: Path) -> dict[str, list[str]]:
    """What the stack file names that others own, by type: it is there before the rehearsal. Nothing for a file that is not valid."""
    from infra.config import load_file
    from infra.reading.faults import ConfigFaults

    found: dict[str, list[str]] = {}
    with contextlib.suppress(ConfigFaults):
        for thing in given(load_file(file)[0]):
            if thing.token:
                found.setdefault(thing.token, []).append(thing.value)
    return found


def _told(error: BaseException) -> int:
    tell(error, "stage")
    if isinstance(error, Interrupted):
        return error.code
    return CONFIG_FAULT if isinstance(error, FaultsInvalid | NoSuchWay) else INTERNAL_FAULT


def _note(stage: Stage) -> None:
    """Tell what a person should know before the stage is used."""
    for note in stage.notes:
        click.echo(f"groundwork: note: {note}", err=True)


def _code(stage: Stage, outcome: Outcome) -> int:
    """The exit code of an action: a signal that stopped it has a shell's code for it."""
    if stage.signals.received and not outcome.fine:
        return Interrupted(stage.signals.received[0]).code
    return exit_code(outcome)


def _action(action: Action, text: str) -> click.Command:
    """One command of the group."""

    @stack_options
    @_faults_option
    @click.option(
        "--json", "as_json", is_flag=True, help="What happened as JSON on standard output; the engine's display on standard error."
    )
    @click.option("--cluster", is_flag=True, help="Put a real Kubernetes API server behind every cluster; built once if none is found.")
    @click.option("--packs/--no-packs", default=True, help="Judge it with the policy pack, or not.")
    @_timeline_options(action)
    def command(
        stack: str | None,
        config: Path | None,
        faults: Path | None,
        as_json: bool,
        cluster: bool,
        packs: bool,
        timeline: bool = False,
        parallel: int = 0,
    ) -> int:
        stage, judge = _stage(stack, config, faults), SCHEMAS
        if action in JUDGED:
            _validated(stage.stack_file)
        try:
            stage, judge = _on_clusters(stage, faults) if cluster else (stage, judge)
            with stage:
                _note(stage)
                outcome = act(action, stage, packs=packs, display=sys.stderr if as_json else None)
                found = _timeline(stage, parallel) if timeline and outcome.fine else None
        except STAGE_ENDS as error:
            return _told(error)
        _tell(outcome, stage, found, as_json, judge)
        return _code(stage, outcome)

    return click.command(action, help=text)(command)


def _timeline_options(action: Action) -> Callable[[Command], Command]:
    """What only `up` is asked for."""

    def added(command: Command) -> Command:
        asked = click.option(
            "--timeline", is_flag=True, help="Tell the time to ready that real clouds would need, from the state after it."
        )
        return asked(parallel_option(command)) if action == "up" else command

    return added


def _timeline(stage: Stage, parallel: int) -> "Timeline":
    from graph.state import from_deployment
    from review.timeline import timeline

    return timeline(from_deployment(json.loads(stage.pulumi("stack", "export", check=True).stdout)), parallel)


def _tell(outcome: Outcome, stage: Stage, timeline: "Timeline | None", as_json: bool, judge: str) -> None:
    """What happened, and the time to ready where it was asked for."""
    if as_json:
        from review.to_json import timeline_json

        more = {"timeline": timeline_json(timeline)} if timeline else {}
        say(json.dumps({**outcome.to_json(), **more}, indent=2))
        return
    say(summary(outcome, stage, judge))
    if timeline:
        from rich.console import Console

        from review.render_timeline import show

        show(timeline, Console())


def _validated(path: Path) -> None:
    """Refuse a stack file that cannot be used before an engine is started. Raises ConfigFaults."""
    from infra.config import load_file

    load_file(path)


def exit_code(outcome: Outcome) -> int:
    """The exit code of the contract for how an action ended."""
    if outcome.fine:
        return FINE
    if any(CONFIG_MARK in error for error in outcome.facts.errors):
        return CONFIG_FAULT
    return POLICY_FAILED if outcome.policy_failed or outcome.protected else INTERNAL_FAULT


def summary(outcome: Outcome, stage: Stage, judge: str) -> str:
    """What a person reads at the end; `judge` is what Kubernetes objects were held against."""
    if outcome.protected:
        return refusal(outcome)
    ended = DONE[outcome.action][not (outcome.fine or outcome.went_well)]
    lines = [f"{outcome.stack} {ended} in {outcome.seconds:.0f} s, against stand-in clouds: {changed(outcome)}"]
    if outcome.action in JUDGED and outcome.fine:
        lines += [f"  {count:4}  {package}" for package, count in sorted(by_package(outcome).items())]
    lines += [f"Kubernetes objects were judged by {judge}"] if outcome.action in JUDGED and outcome.fine else []
    lines += not_judged(stage.stubs) if outcome.action in JUDGED and outcome.fine else []
    levels = Counter(finding.level for finding in outcome.facts.findings)
    lines += [f"policy findings: {', '.join(f'{count} {level}' for level, count in sorted(levels.items()))}"] if levels else []
    lines += [f"retained by design: {left.token} {left.id}: {left.reason}" for left in outcome.retained]
    lines += [f"left behind: {left.token} {left.id} ({left.urn})" for left in outcome.remaining]
    lines += [f"note: {note}" for note in outcome.notes]
    if stage.file.altered:
        lines.append(f"note: a command on the stage changed its configuration; it holds until {stage.stack_file.name} changes, or `reset`")
    lines += [f"report: {stage.reports / outcome.action}.json"] if outcome.reported else []
    lines += [f"state and clouds: {stage.root}"]
    return "\n".join(lines)


TEXTS: Final[dict[Action, str]] = {
    "up": "Bring the stack up: the engine previews, then creates and updates; prints outputs and a summary.",
    "preview": "Show what `up` would change, and change nothing.",
    "refresh": "Make the engine's state agree with what the stand-in clouds hold.",
    "destroy": "Take the stack down. Refuses first, and names what is protected, while anything is.",
}
for name in COMMANDS:
    rehearse.add_command(_action(name, TEXTS[name]))


@rehearse.command("exec", context_settings={"ignore_unknown_options": True})
@stack_options
@_faults_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(stack: str | None, config: Path | None, faults: Path | None, command: tuple[str, ...]) -> int:
    """Run any Pulumi command on the stage, the stack selected: `exec -- pulumi stack export`. Ends with Pulumi's own exit code."""
    if command[0] != "pulumi":
        raise click.UsageError("What follows -- must be a pulumi command, such as: -- pulumi stack export")
    if loud := revealing(command[1:]):
        raise click.UsageError(f"{loud}: the engine's own log holds every secret of the stage in clear. Leave it out.")
    try:
        with _as_before(_stage(stack, config, faults), faults)[0] as stage:
            _note(stage)
            for reason in stage.compare().refusals:
                click.echo(f"groundwork: note: {reason}\n{stage.advice('recover')} settles it", err=True)
            before = stage.state().resources
            code = stage.pulumi(*command[1:], capture=False).code
            let_go(stage, before)
            return code
    except STAGE_ENDS as error:
        return _told(error)


@rehearse.command("recover")
@stack_options
def recovered(stack: str | None, config: Path | None) -> int:
    """Bring the stage in order after a crash, and say what was done.

    Removes the engine's stale lock, puts a sound copy in place of a damaged state file, settles pending operations by what the clouds
    hold, and takes out of the clouds what no state holds. Other commands name it when they meet something of the kind.
    """
    from rehearsal.recovery import recover

    try:
        stage, _ = _as_before(_stage(stack, config, None))
        stage.mend = True
        with stage:
            found = recover(stage)
    except STAGE_ENDS as error:
        return _told(error)
    for line in found.done or [f"{stage.stack}: there is nothing to recover"]:
        say(line)
    for line in found.left:
        click.echo(f"groundwork: not in order: {line}", err=True)
    return INTERNAL_FAULT if found.left else FINE


@rehearse.command("unprotect")
@stack_options
def unprotected(stack: str | None, config: Path | None) -> int:
    """Make the stack ready to be destroyed: every `protect` off, brought up, and the engine's own protection lifted.

    On the stage only, and until the stack file changes or the stack is destroyed. Against a real account the same is done by hand: set
    `protect: false` in the stack file, `pulumi up`, `pulumi destroy`.
    """
    from infra.config import load_file

    try:
        stage, judge = _as_before(_stage(stack, config, None))
        with stage:
            _note(stage)
            platform, _ = load_file(stage.copy / f"Pulumi.{stage.stack}.yaml")
            outcome = unprotect(stage, [f"groundwork:platform.{path}" for path in protected_fields(platform)])
    except STAGE_ENDS as error:
        return _told(error)
    say(summary(outcome, stage, judge))
    return _code(stage, outcome)


def protected_fields(model: BaseModel) -> list[str]:
    """Paths of every field named `protect` that is on, in a model and the models it holds."""
    found: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        if name == "protect" and value is True:
            found.append(name)
        elif isinstance(value, BaseModel):
            found += [f"{name}.{path}" for path in protected_fields(value)]
    return found


@rehearse.command()
@stack_options
def reset(stack: str | None, config: Path | None) -> int:
    """Throw the stage away: its state, its clouds and its reports."""
    stage = _stage(stack, config, None)
    if stage.platform:
        below = stage.platform
        raise click.UsageError(f"{stage.stack} is on the stage of {below}: destroy it there, or reset {below}, --stack {below}.")
    try:
        stage.forget()
    except STAGE_FAULTS as error:
        return _told(error)
    click.echo(f"{stage.root} is gone", err=True)
    return FINE
