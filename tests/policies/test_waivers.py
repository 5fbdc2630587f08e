from datetime import date, datetime
from pathlib import Path

import pytest
import yaml

from graph.model import Graph, Resource
from policies.evaluate import Settings, evaluate
from policies.waivers import WaiverFaults, load

TODAY = date(2026, 11, 24)
RULES = ["database-backups", "imdsv2"]
URN = "urn:pulumi:prod::groundwork::aws:rds/instance:Instance::registry-database-instance"
GOOD = {
    "id": "W1",
    "rules": ["database-backups"],
    "urn": "urn:pulumi:prod::*registry-database-instance",
    "owner": "ml-platform",
    "approver": "security",
    "reason": "restored from the warehouse every night",
    "created": date(2026, 11, 1),
    "expires": date(2026, 12, 31),
}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "waivers.yaml"
    path.write_text("".join(yaml.safe_dump([row]) for row in rows))
    return path


def test_a_waived_finding_stays_visible(tmp_path: Path) -> None:
    waivers = load(written(tmp_path, GOOD), today=TODAY, rules=RULES, urns=[URN])
    database = Resource(URN, "aws:rds/instance:Instance", "registry-database-instance", True, "", {"backupRetentionPeriod": 1})
    graph = Graph("groundwork", "prod", (database,))
    before = next(v for v in evaluate(graph, Settings()) if v.rule == "database-backups")
    after = next(v for v in evaluate(graph, Settings({}, waivers)) if v.rule == "database-backups")
    assert (before.status, after.status) == ("fail", "waived")
    assert "W1" in after.message
    assert before.message in after.message


def test_no_file_is_no_waiver(tmp_path: Path) -> None:
    assert load(tmp_path / "none.yaml", today=TODAY, rules=RULES) == ()


def test_the_last_day_counts(tmp_path: Path) -> None:
    assert load(written(tmp_path, {**GOOD, "expires": TODAY}), today=TODAY, rules=RULES)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires": date(2026, 11, 23)}, "expired on 2026-11-23"),
        ({"expires": date(2027, 3, 1)}, "longer than 90 days"),
        ({"approver": "ml-platform"}, "somebody else"),
        ({"rules": ["no-such-rule"]}, "no-such-rule"),
        ({"reason": "  "}, "reason"),
        ({"urn": "urn:pulumi:prod::*nothing-like-it"}, "matches no resource"),
        ({"urn": "*registry-database-instance"}, "must name one stack"),
        ({"created": date(2026, 12, 1)}, "from the future"),
        ({"expires": "soon"}, "expires is no date"),
        ({"created": datetime(2026, 11, 24, 10)}, "created is no date"),
        ({"approver": "ML-Platform"}, "somebody else"),
        ({"approver": " ml-platform "}, "somebody else"),
        ({"approver": "@ml-platform"}, "somebody else"),
        ({"approver": "\uff4dl-platform"}, "somebody else"),
        ({"reason": "fine\x1b[2J"}, "reason must be text of one line that prints"),
        ({"owner": ["a"]}, "owner must be text"),
        ({"id": 5}, "id must be text"),
        ({"reason": "x" * 3_000}, "reason must be text"),
        ({"rules": []}, "rules names none"),
        ({"rules": [["imdsv2"]]}, "there is no rule"),
        ({"created": date(2026, 11, 20), "expires": date(2026, 11, 10)}, "expires before it was created"),
        ({"extra": 1}, "exactly"),
    ],
)
def test_a_waiver_that_is_wrong_is_an_error(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with pytest.raises(WaiverFaults, match=said):
        load(written(tmp_path, {**GOOD, **change}), today=TODAY, rules=RULES, urns=[URN])


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(WaiverFaults) as raised:
        load(written(tmp_path, {**GOOD, "reason": ""}, {**GOOD, "approver": ""}), today=TODAY, rules=RULES)
    assert all(word in str(raised.value) for word in ("reason", "approver", '"W1" stands twice'))


def test_another_stack_does_not_hold_it_for_stale(tmp_path: Path) -> None:
    assert load(written(tmp_path, GOOD), today=TODAY, rules=RULES, urns=[URN.replace(":prod::", ":dev::")])


def test_what_is_no_yaml_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_text("- id: [")
    with pytest.raises(WaiverFaults, match="is not YAML"):
        load(tmp_path / "waivers.yaml", today=TODAY, rules=RULES)


LINES = {
    "a date that there is not": ("created: 2026-11-01", "created: 2026-02-30", "created is no date that there is"),
    "an owner twice": ("owner: ml-platform", "owner: ml-platform\n  owner: other", "`owner` is given twice"),
    "an escape": ("reason: fine", 'reason: "a\\e[2Jb"', "reason must be text of one line that prints"),
    "a raw escape": ("reason: fine", "reason: a\x1b[2Jb", "is not YAML"),
    "an alias": ("reason: fine", "reason: &a fine\n  more: *a", "an alias is not read"),
    "a tag": ("reason: fine", "reason: !!python/object:os.system x", "could not determine a constructor"),
    "a key that is none": ("reason: fine", "? [a]\n  : b", "a key must be text"),
    "depth": ("reason: fine", "reason: " + "[" * 5_000, "nested too deep|is not YAML"),
}
TEXT = """- id: W1
  rules: [imdsv2]
  urn: "urn:pulumi:prod::*"
  owner: ml-platform
  approver: security
  reason: fine
  created: 2026-11-01
  expires: 2026-12-31
"""


def test_the_text_that_is_damaged_below_is_sound(tmp_path: Path) -> None:
    (tmp_path / "waivers.yaml").write_text(TEXT)
    assert load(tmp_path / "waivers.yaml", today=TODAY, rules=RULES)


@pytest.mark.parametrize("name", LINES)
def test_text_that_says_two_things_or_none_is_a_fault(tmp_path: Path, name: str) -> None:
    old, new, said = LINES[name]
    (tmp_path / "waivers.yaml").write_text(TEXT.replace(old, new))
    with pytest.raises(WaiverFaults, match=said) as found:
        load(tmp_path / "waivers.yaml", today=TODAY, rules=RULES)
    assert str(found.value).isprintable()


def test_no_mutation_of_waivers_crashes_or_passes_unseen(tmp_path: Path) -> None:
    """Every byte replaced by what parsers stumble over: waivers that hold, or faults that print."""
    path, ends = tmp_path / "waivers.yaml", []
    for at in range(len(TEXT)):
        for piece in (b"\x00", b"\x1b", b"[", b"&a ", b"\xff", b": ", b"\n", b"9"):
            path.write_bytes(TEXT[:at].encode() + piece + TEXT[at + 1 :].encode())
            ends.append(ended(path))
    assert all(text.isprintable() for text in ends)
    assert "" in ends


def ended(path: Path) -> str:
    """What is wrong with a file of waivers; "" where it is sound."""
    try:
        load(path, today=TODAY, rules=RULES)
    except WaiverFaults as found:
        return str(found)
    return ""


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a" * (2 << 20), b"a: 1", b"- 1", b"- [", b"\x00"])
def test_what_is_no_list_of_waivers_is_a_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "waivers.yaml").write_bytes(content)
    with pytest.raises(WaiverFaults):
        load(tmp_path / "waivers.yaml", today=TODAY, rules=RULES)
