"""A stack file evaluated in process: validated, composed and recorded, without engine, network or credentials."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graph.model import Graph
from graph.recorder import ORGANISATION, record
from infra.config import load_file
from infra.platforms import AnyStack
from infra.reading.stackfile import KEY, PROJECT, StackFile, engine_text
from infra.serving import ServingStack


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one stack file means: its validated content and the graph that the engine would be given."""

    platform: AnyStack
    stackfile: StackFile
    graph: Graph


def evaluate(path: Path, *, unknowns: bool = False) -> Evaluation:
    """Evaluate a stack file; one that stands on another stack's platform is given the outputs that the platform's own file leads to.

    `unknowns` gives the view of an engine preview: what is known only after apply stays unknown, but for what other stacks gave out.
    Raises infra.reading.faults.ConfigFaults for a bad file and graph.checks.GraphFaults for a program the engine would refuse.
    """
    platform, stackfile = load_file(path)

    def program() -> None:
        import pulumi

        from infra.compose import compose

        for name, value in compose(platform, project=PROJECT, stack=stackfile.stack).items():
            pulumi.export(name, value)

    config = {key: engine_text(value) for key, value in stackfile.config.items() if key != KEY}
    references = _stands_on(platform, path) if isinstance(platform, ServingStack) else None
    graph = record(program, project=PROJECT, stack=stackfile.stack, config=config, unknowns=unknowns, references=references)
    return Evaluation(platform, stackfile, graph)


def _stands_on(serving: ServingStack, path: Path) -> dict[str, Any]:
    """Outputs of the platform's stack as they are once it is up, by its full name."""
    graph = evaluate(path.parent / f"Pulumi.{serving.platform}.yaml").graph
    return {f"{ORGANISATION}/{PROJECT}/{serving.platform}": graph.outputs}
