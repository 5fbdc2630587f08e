"""Controls name rules that exist, every framework that a stack file may name has rows, and a row says no more than its verdicts do."""

import pytest

from infra.platform import Common
from policies.catalog import BY_ID
from policies.controls import Control, Framework, frameworks, rows
from policies.model import Status, Verdict

NAMES = Common.model_json_schema()["properties"]["compliance"]["items"]["enum"]
"""Frameworks that a stack file may name."""


def verdict(rule: str, status: Status, urn: str = "urn:pulumi:s::p::t::n") -> Verdict:
    return Verdict(rule, urn, status, "mandatory", "high")


FRAMEWORK = Framework("own", "Own", "none", (Control("1", "Both", ("a", "b"), "more"), Control("2", "People", (), "people")))


def test_every_framework_of_a_stack_file_has_rows() -> None:
    assert set(NAMES) == {"hipaa", "soc2"}
    assert set(frameworks()) == set(NAMES)
    assert all(framework.controls and framework.source and framework.checked for framework in frameworks().values())


@pytest.mark.parametrize("name", NAMES)
def test_controls_name_rules_that_exist_each_once(name: str) -> None:
    controls = frameworks()[name].controls
    assert len({control.id for control in controls}) == len(controls)
    assert {rule for control in controls for rule in control.rules} <= set(BY_ID)
    assert all(len(set(control.rules)) == len(control.rules) for control in controls)


@pytest.mark.parametrize("name", NAMES)
def test_every_control_says_what_it_needs_beside_rules_and_some_need_people_alone(name: str) -> None:
    controls = frameworks()[name].controls
    assert all(control.needs.strip() for control in controls)
    assert any(not control.rules for control in controls)


@pytest.mark.parametrize(
    ("name", "control", "rule"),
    [
        ("hipaa", "164.312(a)(2)(iv)", "database-encrypted"),
        ("hipaa", "164.312(b)", "cluster-logs"),
        ("hipaa", "164.312(e)(1)", "bucket-tls-only"),
        ("soc2", "CC6.1", "least-privilege"),
        ("soc2", "CC6.6", "no-world-ingress"),
        ("soc2", "CC6.7", "database-tls"),
        ("soc2", "CC7.2", "flow-logs"),
        ("soc2", "A1.2", "database-backups"),
    ],
)
def test_a_failing_rule_fails_its_control(name: str, control: str, rule: str) -> None:
    found = {row.control.id: row for row in rows(frameworks()[name], [verdict(rule, "fail")])}[control]
    assert (found.evidence, found.failing) == ("fails", (rule,))


@pytest.mark.parametrize(
    ("statuses", "evidence"),
    [
        (["pass", "pass"], "holds"),
        (["pass", "undetermined"], "undetermined"),
        (["undetermined", "fail"], "fails"),
        (["pass", "error"], "fails"),
        (["pass", "waived"], "fails"),
        (["not-applicable"], "nothing to judge"),
        ([], "nothing to judge"),
    ],
)
def test_the_worst_verdict_decides(statuses: list[Status], evidence: str) -> None:
    both, people = rows(FRAMEWORK, [verdict(rule, status) for rule, status in zip("ab", statuses, strict=False)])
    assert both.evidence == evidence
    assert people.evidence == "needs process evidence"


def test_verdicts_of_other_rules_say_nothing() -> None:
    assert rows(FRAMEWORK, [verdict("c", "fail")])[0].evidence == "nothing to judge"
