"""The committed reference says what the models say, and its schema takes the files that the loader takes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import reference
from infra.platforms import MODELS, PLATFORMS, model_of
from infra.reading.shape import Schema, alternatives, schema_of, value_schema
from infra.reading.stackfile import scan
from tests.config.fields import CONTEXTS, fields, leaves, pattern

ROOT = Path(__file__).parents[2]
GOOD = [
    *CONTEXTS.values(),
    *sorted((Path(__file__).parent / "good").glob("*.yaml")),
    *sorted(ROOT.glob("Pulumi.*.yaml")),
    *sorted(ROOT.glob("examples/*.yaml")),
]


def test_nothing_is_stale() -> None:
    assert reference.stale() == [], "run `python -m infra.reference`"


def test_check_tells_what_is_stale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path / "reference")
    monkeypatch.setattr(reference, "EXAMPLES", tmp_path / "examples")
    assert reference.main(["--check"]) == 1
    assert "config.md is stale" in capsys.readouterr().err
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0


def test_every_model_and_field_is_described() -> None:
    page = (reference.FOLDER / "config.md").read_text(encoding="utf-8")
    for name, model in reference.schema()["$defs"].items():
        for field, schema in model.get("properties", {}).items():
            assert schema.get("description"), f"{name}.{field} is not described"
            assert f"| `{field}` |" in page
    assert not re.search(r"\| *\|$", page.split("## ", 1)[1].replace("| default | |", ""), re.MULTILINE)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_key_of_a_sound_file_is_in_the_schema(path: Path) -> None:
    """A walk with the schema alone: no key that an editor would mark, no word that is not among those allowed."""
    config = scan(path).config["groundwork:platform"]
    model = model_of(config)
    assert model
    root = schema_of(model)

    def check(value: Any, schema: Schema, place: str) -> None:
        options = alternatives(schema, root)
        if isinstance(value, dict):
            inner = [
                option for option in options if value.keys() <= option.get("properties", value).keys() and option.get("type") == "object"
            ]
            assert inner, place
            for key, item in value.items():
                below = inner[0].get("properties", {}).get(key) or value_schema(inner[0])
                assert below is not None, f"{place}.{key}"
                check(item, below, f"{place}.{key}")
        elif isinstance(value, list):
            for item in value:
                check(item, options[0]["items"], f"{place}[]")
        elif any("enum" in option for option in options):
            assert value in [word for option in options for word in option.get("enum", [])], place

    check(json.loads(json.dumps(config, default=lambda secret: {"secure": "x"})), root, "platform")


def test_fields_and_leaves_speak_of_the_same_places() -> None:
    aws = PLATFORMS["aws"]
    from tests.config.fields import data

    assert {pattern(place, aws) for place in leaves(data("aws"))} <= fields(aws)


def test_no_field_has_a_name_that_older_readers_of_yaml_take_for_a_boolean() -> None:
    names = {part for owner in MODELS for field in fields(owner) for part in field.split(".")}
    assert names & {"on", "off", "yes", "no", "y", "n", "true", "false", "null"} == set()
    assert "owner" in names
