"""A stack file evaluated in process: validated, composed and recorded, without engine, network or credentials."""

from dataclasses import dataclass
from pathlib import Path

from graph.model import Graph
from graph.recorder import record
from infra.config import load_file
from infra.platforms import AnyPlatform
from infra.stackfile import KEY, PROJECT, StackFile, engine_text


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one stack file means: its validated platform and the graph that the engine would be given."""

    platform: AnyPlatform
    stackfile: StackFile
    graph: Graph


def evaluate(path: Path, *, unknowns: bool = False) -> Evaluation:
    """Evaluate a stack file.

    `unknowns` gives the view of an engine preview: what is known only after apply stays unknown.
    Raises infra.faults.ConfigFaults for a bad file and graph.checks.GraphFaults for a program the engine would refuse.
    """
    platform, stackfile = load_file(path)

    def program() -> None:
        import pulumi

        from infra.compose import compose

        for name, value in compose(platform, project=PROJECT, stack=stackfile.stack).items():
            pulumi.export(name, value)

    config = {key: engine_text(value) for key, value in stackfile.config.items() if key != KEY}
    return Evaluation(platform, stackfile, record(program, project=PROJECT, stack=stackfile.stack, config=config, unknowns=unknowns))
