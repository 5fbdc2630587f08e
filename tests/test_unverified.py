"""docs/unverified.md: each row says what was searched, on which day, and names files that exist."""

import re
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEADER = ["claim", "where", "public documentation searched", "command that would verify it"]
CELLS = re.compile(r"(?<!\\)\|")
DATED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}): \S")


def tables() -> list[list[str]]:
    """Cells of every line of every table, without the lines of dashes."""
    text = (ROOT / "docs/unverified.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines() if line.startswith("|")]
    parts = [CELLS.split(line.removeprefix("|").removesuffix("|")) for line in lines]
    cells = [[cell.strip() for cell in row] for row in parts]
    return [row for row in cells if not all(re.fullmatch(":?-+:?", cell) for cell in row)]


ROWS = [row for row in tables() if row != HEADER]


def test_every_section_has_a_table_of_its_own() -> None:
    text = (ROOT / "docs/unverified.md").read_text(encoding="utf-8")
    assert ROWS
    assert tables().count(HEADER) == text.count("\n## ")


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:60] for row in ROWS])
def test_a_row_says_what_was_searched_and_names_files_that_exist(row: list[str]) -> None:
    assert len(row) == len(HEADER)
    assert all(row)
    _, where, searched, _ = row
    dated = DATED.match(searched)
    assert dated, searched
    date.fromisoformat(dated[1])
    for path in where.split(", "):
        assert list(ROOT.glob(path.removesuffix("/"))), path


def test_no_claim_is_there_twice() -> None:
    claims = [row[0] for row in ROWS]
    assert sorted(claims) == sorted(set(claims))
