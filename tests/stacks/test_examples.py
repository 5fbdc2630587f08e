"""Every example is a platform that could be brought up as it stands: sound, judged, and told of in the folder's README."""

from pathlib import Path

import pytest

from graph.exporters.terraform import exported, terraform_plan
from infra.reference import told_of
from policies.evaluate import REHEARSED, Settings
from policies.evaluate import evaluate as judge
from tests.engine.examples import EXAMPLES, FOLDER, name_of
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_is_sound_exported_whole_and_no_mandatory_rule_is_against_it(path: Path) -> None:
    graph = evaluate(path).graph
    assert len(graph.custom) > 20
    against = [
        f"{v.rule} on {v.urn}: {v.message}"
        for v in judge(graph, Settings(REHEARSED))
        if v.status in ("error", "undetermined") or (v.status == "fail" and v.level == "mandatory")
    ]
    assert against == []
    assert len(terraform_plan(graph)["planned_values"]["root_module"]["resources"]) == len(exported(graph))


def test_an_example_has_a_name_that_no_reference_stack_has() -> None:
    assert {name_of(path) for path in EXAMPLES} & {name_of(path) for path in ROOT.glob("Pulumi.*.yaml")} == set()


def test_the_folder_holds_examples_and_their_readme_only() -> None:
    stray = {path.name for path in FOLDER.iterdir() if path.is_file()} - {path.name for path in EXAMPLES} - {"README.md"}
    assert not stray, "an example is named Pulumi.<stack>.yaml"


@pytest.mark.parametrize(("text", "told"), [("# One\n# two.\n# three\n\n# four\nconfig:\n", "One two. three"), ("config: {}\n", "")])
def test_an_example_is_told_of_by_its_first_comment(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "Pulumi.x.yaml").write_text(text)
    assert told_of(tmp_path / "Pulumi.x.yaml") == told
