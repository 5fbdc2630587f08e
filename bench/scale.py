"""`python -m bench.scale`: how the cost of many endpoints grows, in stacks of their own and in one with their platform.

Prints two tables and keeps the figures in .bench/scale.json. Ends with 2 when ten times the endpoints cost more than eleven times the time.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, Final, TypeVar

import click
import yaml
from rich.console import Console
from rich.table import Table

from bench.cases import REVIEW_DONE, ROOT, environment
from bench.measure import run
from bench.preview import pack
from infra.reading.stackfile import KEY, stack_of
from operations.exits import FINE, POLICY_FAILED
from rehearsal.actions import act
from rehearsal.engine import Engine, locate
from rehearsal.stage import Stage

FOLDER: Final = ROOT / ".bench" / "scale"
TEAM: Final = "scale"
PLATFORM: Final = "platform"
GROWTH: Final = 11.0
"""Most that ten times the endpoints may cost, over what a tenth of them costs."""

Progress = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Row:
    """What one number of endpoints costs: wall time in seconds, summed over all stacks, one after the other."""

    endpoints: int
    stacks: int
    seconds: Mapping[str, float]


def platform_file(endpoints: Mapping[str, Any]) -> dict[str, Any]:
    """The on-premises platform with pools for thousands, a team, and perhaps the endpoints themselves."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.onprem.yaml").read_text())
    said = whole["config"][KEY]
    said["cluster"]["pools"]["l40s"]["nodes"] = 10_000
    said["teams"] = {TEAM: {"gpus": {"l40s": 20_000}, "pods": 10_000}}
    said["endpoints"] = dict(endpoints)
    said["layer"] = ["platform", "serving"] if endpoints else ["platform"]
    return whole


def serving_file(endpoints: Mapping[str, Any]) -> dict[str, Any]:
    """A stack of endpoints alone."""
    said = {"tier": "production", "owner": TEAM, "layer": ["serving"], "platform": PLATFORM, "endpoints": dict(endpoints)}
    return {"config": {"pulumi:disable-default-providers": ["*"], KEY: said}}


def endpoints(first: int, count: int) -> dict[str, Any]:
    """So many endpoints like the reference stack's own, numbered."""
    one = yaml.safe_load((ROOT / "Pulumi.onprem.yaml").read_text())["config"][KEY]["endpoints"]["chat"]
    return {f"e{first + number}x": one for number in range(count)}


def written(stack: str, content: Mapping[str, Any]) -> Path:
    """The stack file, below the benchmark's folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"Pulumi.{stack}.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")  # which is YAML, without anchors
    return path


def split(count: int, size: int) -> list[Path]:
    """Files of the stacks that so many endpoints need."""
    groups = range(0, count, size)
    return [written(f"s{count}x{first // size}", serving_file(endpoints(first, min(size, count - first)))) for first in groups]


def reviewed(files: Sequence[Path], progress: Progress) -> float:
    """Cold reviews of all stacks."""
    command = [sys.executable, "-c", "from operations.cli import main; main()", "review", "--config"]
    allowed = REVIEW_DONE
    return _sum(files, progress, "review", lambda file: run([*command, str(file)], cwd=ROOT, env=environment(), allowed=allowed).seconds)


def previewed(files: Sequence[Path], progress: Progress, engine: Engine) -> float:
    """First previews on the engine, packs on, of stacks of endpoints."""

    def preview(file: Path) -> float:
        with _serving(file, engine) as stage:
            command = [str(engine.path), "preview", "--non-interactive", "--suppress-outputs", *pack(stage)]
            return run(command, cwd=stage.copy, env=stage.environ).seconds

    return _sum(files, progress, "preview", preview)


def brought_up(stages: Sequence[Stage], progress: Progress) -> float:
    """`up` of all stacks. Raises RuntimeError when one does not come up."""

    def up(stage: Stage) -> float:
        with stage:
            done = act("up", stage, packs=False, display=DEVNULL)
        if not done.fine:
            raise RuntimeError(f"{stage.stack} did not come up: {'; '.join(done.facts.errors)}")
        return done.seconds

    return _sum(stages, progress, "up", up)


def _sum(things: Sequence[T], progress: Progress, what: str, measure: Callable[[T], float]) -> float:
    total = 0.0
    for number, thing in enumerate(things, 1):
        progress(f"{what} {number}/{len(things)}")
        total += measure(thing)
    return total


def _alone(file: Path, engine: Engine) -> Stage:
    """The stage of a stack that holds its platform."""
    return Stage(ROOT, stack_of(file), stack_file=file, engine=engine)


def _serving(file: Path, engine: Engine) -> Stage:
    """The stage of a stack of endpoints."""
    return Stage(ROOT, stack_of(file), stack_file=file, platform=(PLATFORM, FOLDER / f"Pulumi.{PLATFORM}.yaml"), engine=engine)


@contextmanager
def standing_platform(engine: Engine, progress: Progress) -> Iterator[None]:
    """The platform, up on a stage of the benchmark's own for as long as it is needed."""
    stage = _alone(written(PLATFORM, platform_file({})), engine)
    stage.forget()
    brought_up([stage], progress)
    try:
        yield
    finally:
        stage.forget()


@click.command()
@click.option("--counts", default="10,100,1000", show_default=True, help="Numbers of endpoints that are reviewed and previewed.")
@click.option("--ups", default="25,50,100", show_default=True, help="Numbers of endpoints that are brought up; empty brings none up.")
@click.option("--size", default=50, show_default=True, type=click.IntRange(1, 150), help="Endpoints of one stack.")
def main(counts: str, ups: str, size: int) -> None:
    """Measure how review, preview and up grow with the number of endpoints."""
    os.environ["XDG_STATE_HOME"] = str((FOLDER / "state").resolve())
    console = Console(stderr=True)
    with console.status("finding the engine") as status:
        engine = locate(status.update)
        grown = _grown([int(count) for count in counts.split(",")], size, engine, status.update)
        apart = _apart([int(count) for count in filter(None, ups.split(","))], size, engine, status.update)
    ratios = {name: _growth(grown, name) for name in ("review", "preview")}
    _print(Console(), f"stacks of {size} endpoints, seconds", grown)
    if apart:
        _print(Console(), "up on the file backend, seconds", apart)
    for name, ratio in ratios.items():
        Console().print(
            f"{name}: {grown[-1].endpoints} endpoints cost {ratio:.1f} times what {grown[-2].endpoints} cost, at most {GROWTH:g}"
        )
    kept = [{"endpoints": row.endpoints, "stacks": row.stacks, **row.seconds} for row in (*grown, *apart)]
    (FOLDER.parent / "scale.json").write_text(json.dumps({"measured": time.time(), "rows": kept, "growth": ratios}, indent=1) + "\n")
    sys.exit(POLICY_FAILED if any(ratio > GROWTH for ratio in ratios.values()) else FINE)


def _grown(counts: Sequence[int], size: int, engine: Engine, progress: Progress) -> list[Row]:
    rows = []
    with standing_platform(engine, progress):
        for count in counts:
            files = split(count, size)
            seconds = {"review": reviewed(files, progress), "preview": previewed(files, progress, engine)}
            rows.append(Row(count, len(files), seconds))
    return rows


def _apart(counts: Sequence[int], size: int, engine: Engine, progress: Progress) -> list[Row]:
    """`up` of the same endpoints in one stack with their platform, and in stacks of their own."""
    rows = []
    for count in counts:
        whole = _alone(written(f"whole{count}", platform_file(endpoints(0, count))), engine)
        whole.forget()
        together = brought_up([whole], progress)
        whole.forget()
        with standing_platform(engine, progress):
            stages = [_serving(file, engine) for file in split(count, size)]
            rows.append(Row(count, len(stages), {"in one stack": together, "apart": brought_up(stages, progress)}))
    return rows


def _growth(rows: Sequence[Row], name: str) -> float:
    """Cost of the largest number over that of the one before it, for a tenfold of endpoints."""
    large, small = rows[-1], rows[-2]
    return large.seconds[name] / small.seconds[name] * 10 / (large.endpoints / small.endpoints) if len(rows) > 1 else math.nan


def _print(console: Console, title: str, rows: Sequence[Row]) -> None:
    table = Table("endpoints", "stacks", *rows[0].seconds, title=title)
    for row in rows:
        table.add_row(str(row.endpoints), str(row.stacks), *(f"{seconds:.1f}" for seconds in row.seconds.values()))
    console.print(table)


if __name__ == "__main__":
    main()
