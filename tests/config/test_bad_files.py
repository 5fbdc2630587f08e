"""Every bad stack file is refused with all its faults, each at its path, and nothing secret is told."""

from pathlib import Path

import pytest

from infra.config import load_file
from infra.reading.faults import ConfigFaults, render

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*.yaml"))


def expected(path: Path, word: str) -> list[str]:
    lead = f"# {word}: "
    return [line.removeprefix(lead) for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(lead)]


def test_there_are_enough_of_them() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_all_faults_are_told_at_their_paths(path: Path) -> None:
    with pytest.raises(ConfigFaults) as refused:
        load_file(path)
    assert sorted({fault.path for fault in refused.value.faults}) == expected(path, "fault")
    text = render(refused.value, lines=True)
    assert all(words in text for words in expected(path, "told"))
    assert "CANARY" not in text
    assert "Traceback" not in text
    assert text.isprintable() or all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("path", sorted((HERE / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_files_they_are_made_from_are_sound(path: Path) -> None:
    platform, file = load_file(path)
    assert platform.owner == "ml-platform"
    assert file.stack == path.stem
