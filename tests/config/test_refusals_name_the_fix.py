"""A bad stack file whose header says how to mend it is sound once mended so: every refusal has a twin that passes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.spec import Reading
from infra.platforms import model_of
from infra.reading.stackfile import KEY, read
from infra.reading.validation import judge

MENDED = {path: fixes for path in sorted((Path(__file__).parent / "bad").glob("*.yaml")) if (fixes := path.read_text().count("# fix: "))}


def fixes(path: Path) -> list[tuple[list[str], Any]]:
    """Path and value of each `# fix: path: value` line; null takes the field away."""
    lines = [line.removeprefix("# fix: ") for line in path.read_text().splitlines() if line.startswith("# fix: ")]
    return [(place.split("."), yaml.safe_load(value)) for place, _, value in (line.partition(": ") for line in lines)]


def mended(document: Any, place: list[str], value: Any) -> None:
    holder = document
    for part in place[:-1]:
        holder = holder[int(part) if isinstance(holder, list) else part]
    last = int(place[-1]) if isinstance(holder, list) else place[-1]
    if value is None:
        del holder[last]
    else:
        holder[last] = value


def faults(document: Any) -> list[str]:
    model = model_of(document)
    assert model
    return [fault.path for fault in judge(model, document, Reading())[1]]


def test_there_are_many() -> None:
    assert len(MENDED) >= 35


@pytest.mark.parametrize("path", MENDED, ids=lambda path: path.stem)
def test_what_the_header_says_mends_the_file(path: Path) -> None:
    document: Any = read(path).config[KEY]
    assert faults(document)
    for place, value in fixes(path):
        mended(document, place, value)
    assert not faults(document)
