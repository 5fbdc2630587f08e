"""A graph judged in process: every rule on every resource of its types, waivers applied."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from graph.model import Graph
from policies.catalog import RULES
from policies.model import Level, Rule, Verdict, View
from policies.waivers import Waiver


@dataclass(frozen=True, slots=True)
class Settings:
    """How a graph is judged: levels that replace a rule's own, and the waivers in force."""

    levels: Mapping[str, Level] = field(default_factory=dict)
    waivers: Sequence[Waiver] = ()


REHEARSED: Mapping[str, Level] = {"placeholder-image": "advisory", "placeholder-id": "advisory"}
"""Levels where nothing is pulled or paid for: offline, and on stand-in clouds."""


@functools.cache
def _by_type() -> Mapping[str, tuple[Rule, ...]]:
    found: dict[str, list[Rule]] = {}
    for rule in RULES:
        for token in rule.types:
            found.setdefault(token, []).append(rule)
    return {token: tuple(rules) for token, rules in found.items()}


def evaluate(graph: Graph, settings: Settings | None = None) -> tuple[Verdict, ...]:
    """One verdict for every rule and every resource of its types, in the order of the graph."""
    chosen = settings or Settings(REHEARSED)
    view = View(graph)
    rules = _by_type()
    found = []
    for resource in graph:
        for rule in rules.get(resource.type, ()):
            status, message = rule.judge(resource, view)
            level = chosen.levels.get(rule.id, rule.level_in(view.tier))
            found.append(Verdict(rule.id, resource.urn, status, level, rule.severity, message))
    return tuple(_waived(found, chosen.waivers))


def _waived(verdicts: Iterable[Verdict], waivers: Sequence[Waiver]) -> Iterable[Verdict]:
    for verdict in verdicts:
        waiver = next((w for w in waivers if verdict.status == "fail" and w.covers(verdict.rule, verdict.urn)), None)
        yield (
            replace(verdict, status="waived", message=f"{verdict.message} (waived by {waiver.id}: {waiver.reason})") if waiver else verdict
        )


def failed(verdicts: Iterable[Verdict]) -> bool:
    """Whether a mandatory rule fails, or any rule broke."""
    return any(v.status == "error" or (v.status == "fail" and v.level == "mandatory") for v in verdicts)
