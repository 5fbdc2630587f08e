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
    path.write_text(yaml.safe_dump(list(rows)))
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
        ({"expires": "soon"}, "must be dates"),
        ({"created": datetime(2026, 11, 24, 10)}, "without a time"),
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
