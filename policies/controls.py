"""Control frameworks: which rules support evidence for which control, and which controls no rule can speak for.

The wording is deliberate: a rule that holds supports evidence for a control. It does not make a stack compliant.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml

from policies.model import Verdict

TABLE: Final = Path(__file__).parent / "data" / "controls.yaml"

Evidence = Literal["fails", "undetermined", "holds", "nothing to judge", "needs process evidence"]


@dataclass(frozen=True, slots=True)
class Control:
    """One control of a framework. `needs` is what must be shown beside its rules; without rules, that is all there is to show."""

    id: str
    title: str
    rules: tuple[str, ...]
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework by the name that stack files use. `source` cites the text that numbers its controls; `checked` says against what
    the rows here were compared, and when."""

    name: str
    title: str
    source: str
    controls: tuple[Control, ...]
    checked: str = ""


@dataclass(frozen=True, slots=True)
class ControlRow:
    """What the verdicts on one stack say for one control: how many support it, fail, are waived, or cannot be told yet.

    `failing` names the rules that fail, broke, or are waived.
    """

    control: Control
    passed: int
    failed: int
    waived: int
    undetermined: int
    failing: tuple[str, ...] = ()

    @property
    def evidence(self) -> Evidence:
        """The row in one word. A waived finding counts as failing: the control is not met, somebody only answers for it."""
        if not self.control.rules:
            return "needs process evidence"
        if self.failed or self.waived:
            return "fails"
        if self.undetermined:
            return "undetermined"
        return "holds" if self.passed else "nothing to judge"


@cache
def frameworks() -> Mapping[str, Framework]:
    """Every framework by name."""
    found = yaml.load(TABLE.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return {
        name: Framework(
            name,
            row["title"],
            row["source"],
            tuple(Control(c["id"], c["title"], tuple(c.get("rules", ())), c["needs"]) for c in row["controls"]),
            row["checked"],
        )
        for name, row in found.items()
    }


def rows(framework: Framework, verdicts: Iterable[Verdict]) -> tuple[ControlRow, ...]:
    """One row for every control of the framework, in its order. An error of a rule counts as failing."""
    counts: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        of_rule = counts.setdefault(verdict.rule, {})
        of_rule[verdict.status] = of_rule.get(verdict.status, 0) + 1
    return tuple(_row(control, {rule: counts.get(rule, {}) for rule in control.rules}) for control in framework.controls)


def _row(control: Control, counts: Mapping[str, Mapping[str, int]]) -> ControlRow:
    def total(found: Iterable[Mapping[str, int]], *statuses: str) -> int:
        return sum(row.get(status, 0) for row in found for status in statuses)

    every: Sequence[Mapping[str, int]] = list(counts.values())
    failing = tuple(rule for rule, row in counts.items() if total([row], "fail", "error", "waived"))
    passed, failed, waived = total(every, "pass"), total(every, "fail", "error"), total(every, "waived")
    return ControlRow(control, passed, failed, waived, total(every, "undetermined"), failing)
