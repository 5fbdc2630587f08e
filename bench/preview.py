"""Previews on the real engine, of the platform and of the flat program, each on a stage of its own with nothing deployed."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.cases import ROOT, Workshop
from bench.measure import Case, Sample, run
from operations.rehearse import clouds_around
from rehearsal.actions import LOWERED, PACK
from rehearsal.engine import locate
from rehearsal.stage import Stage

PREVIEW = ("preview", "--non-interactive", "--suppress-outputs")


def preview_cases(workshop: Workshop, stages: ExitStack, progress: Callable[[str], None]) -> dict[str, Case]:
    """Three cases: the platform without and with the packs, and the flat program. `stages` keeps the stages set until it is closed.

    Stages are kept below the workshop's folder, so that a user's rehearsals are neither seen nor touched.
    Raises rehearsal.engine.NoEngine, rehearsal.stage.StageFailed.
    """
    engine = locate(progress)
    os.environ["XDG_STATE_HOME"] = str((workshop.folder / "state").resolve())
    progress("setting the stages")
    platform = stages.enter_context(
        Stage(ROOT, workshop.stack, engine=engine, clouds=clouds_around(ROOT / f"Pulumi.{workshop.stack}.yaml"))
    )
    flat = stages.enter_context(Stage(_flat_project(workshop), workshop.stack, engine=engine))
    return {
        "preview": partial(_preview, platform),
        "flat, previewed": partial(_preview, flat),
        "preview, packs on": partial(_preview, platform, *pack(platform)),
    }


def _preview(stage: Stage, *arguments: str) -> Sample:
    return run([str(stage.engine.path), *PREVIEW, *arguments], cwd=stage.copy, env=stage.environ)


def pack(stage: Stage) -> tuple[str, ...]:
    """Arguments that put the policy pack on, with what a rehearsal only advises on."""
    lowered = stage.root / "pack-config.json"
    lowered.write_text(json.dumps(LOWERED), encoding="utf-8")
    return "--policy-pack", PACK, "--policy-pack-config", str(lowered)


def _flat_project(workshop: Workshop) -> Path:
    """A project with the platform's own Pulumi.yaml and stack file, whose program is the flat one."""
    project = workshop.folder / "flat"
    (project / "infra").mkdir(parents=True, exist_ok=True)
    for name in ("Pulumi.yaml", f"Pulumi.{workshop.stack}.yaml"):
        shutil.copyfile(ROOT / name, project / name)
    shutil.copyfile(workshop.flat, project / "infra" / "__main__.py")
    return project
