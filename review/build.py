"""Review of a stack, as one value: contents, findings by risk, what could not be judged, named frameworks, and time to ready."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import groupby
from typing import Any, Final, Literal

from components.kubernetes.addons.table import table
from graph.checks import unchecked
from graph.model import Graph, Resource
from graph.types.kubernetes import HELM_RELEASE
from graph.urns import Urn
from infra.notes import Note
from infra.offline import Evaluation
from infra.stack import Stack
from policies.catalog import BY_ID
from policies.controls import Evidence, frameworks
from policies.controls import rows as control_rows
from policies.evaluate import failed
from policies.model import Level, Rule, Severity, Status, Tier, Verdict, View
from review import charts
from review.before_up import before_up
from review.timeline import PARALLEL, Timeline, timeline

SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")
"""Severities from the worst."""
STATUSES: Final[tuple[Status, ...]] = ("pass", "fail", "waived", "undetermined", "error", "not-applicable")


@dataclass(frozen=True, slots=True)
class Header:
    """Which stack, whose, and where. `site` holds what the stack file says of the site, by field in the order of its model."""

    stack: str
    tier: str
    owner: str
    layers: tuple[str, ...]
    site: tuple[tuple[str, str | tuple[str, ...]], ...]
    compliance: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the top level with all that is inside it, nested components too.

    `resources` counts custom resources; `kinds` are their type tokens with counts, most first; `protected` names those that refuse
    deletion.
    """

    name: str
    type: str
    resources: int
    protected: tuple[str, ...]
    kinds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One resource that a finding is about, the component it is in ("" for the stack itself), and what the rule says of it."""

    urn: str
    name: str
    component: str
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that does not pass, with every resource it does not pass on.

    `level` is how it counts here, `deployed` how the packs count it in a real deployment: a placeholder is advice offline, and
    refused there.
    """

    rule: str
    title: str
    concern: str
    status: Status
    level: Level
    deployed: Level
    severity: Severity
    remedy: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Unchecked:
    """One resource whose content nothing here can judge: no schema for its type is installed, or no Go module holds its chart.

    A chart that one holds is rendered and judged apart, with what this version of the program tells it, by `make test-cluster`.
    """

    urn: str
    name: str
    type: str
    reason: Literal["no schema", "chart not rendered", "chart judged apart"]


@dataclass(frozen=True, slots=True)
class ControlLine:
    """One control. `rules` support evidence for it, `passed` counts their verdicts that do, `failing` names those that fail or are
    waived; `needs` is what must be shown beside them."""

    id: str
    title: str
    evidence: Evidence
    passed: int
    rules: tuple[str, ...]
    failing: tuple[str, ...]
    needs: str


@dataclass(frozen=True, slots=True)
class FrameworkLines:
    """Every control of one framework that the stack file names."""

    name: str
    title: str
    source: str
    checked: str
    controls: tuple[ControlLine, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """The whole report. `failed` is that a mandatory rule fails or any rule broke; `verdicts` counts them by status.

    `notes` are what there is to know of the stack file, which no rule judges.
    """

    header: Header
    failed: bool
    resources: int
    verdicts: Mapping[str, int]
    components: tuple[Component, ...]
    findings: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    undetermined: tuple[Finding, ...]
    unchecked: tuple[Unchecked, ...]
    compliance: tuple[FrameworkLines, ...]
    timeline: Timeline
    notes: tuple[Note, ...] = ()


def build(evaluation: Evaluation, verdicts: Sequence[Verdict], rules: Mapping[str, Rule] = BY_ID, *, parallel: int = PARALLEL) -> Review:
    """The report of an evaluated stack, brought up with so many operations at once.

    Raises KeyError for a verdict of a rule that is not in `rules`.
    """
    graph = evaluation.graph
    counts = Counter(verdict.status for verdict in verdicts)
    return Review(
        header=header(evaluation.platform, evaluation.stackfile.stack),
        failed=failed(verdicts),
        resources=len(graph.custom),
        verdicts={status: counts[status] for status in STATUSES},
        components=components(graph),
        findings=findings(graph, [v for v in verdicts if v.status in ("fail", "error")], rules),
        waived=findings(graph, [v for v in verdicts if v.status == "waived"], rules),
        undetermined=findings(graph, [v for v in verdicts if v.status == "undetermined"], rules),
        unchecked=tuple(unjudged(graph)),
        compliance=tuple(compliance(evaluation.platform.compliance, verdicts)),
        notes=(*evaluation.platform.notes(), *before_up(graph), *charts.notes(graph)),
        timeline=timeline(graph, parallel),
    )


def header(platform: Stack, stack: str) -> Header:
    """What the stack file says of the whole."""
    site = {name: value for name, value in platform.stands_on().items() if value not in (None, "", [])}
    told = tuple((name, tuple(map(str, value)) if isinstance(value, list) else str(value)) for name, value in site.items())
    return Header(stack, platform.tier, platform.owner, platform.layer, told, platform.compliance)


def components(graph: Graph) -> tuple[Component, ...]:
    """Components of the top level in the order of the program; the stack itself last, when resources hang on it."""
    held: dict[str, list[Resource]] = {}
    for resource in graph.custom:
        held.setdefault(_top(graph, resource), []).append(resource)
    tops = [r for r in graph if not r.custom and r.parent and graph.component_of(r) is None]
    made = [_component(top.name, top.type, held.get(top.urn, [])) for top in tops]
    return (*made, *([_component(graph.stack, "pulumi:pulumi:Stack", held[""])] if "" in held else []))


def _top(graph: Graph, resource: Resource) -> str:
    """The URN of the outermost component around a resource; "" for none."""
    urn, above = "", graph.component_of(resource)
    while above is not None:
        urn, above = above.urn, graph.component_of(above)
    return urn


def _component(name: str, token: str, held: Sequence[Resource]) -> Component:
    kinds = Counter(resource.type for resource in held)
    protected = tuple(resource.name for resource in held if resource.options.protect)
    return Component(name, token, len(held), protected, tuple(sorted(kinds.items(), key=lambda row: (-row[1], row[0]))))


def findings(graph: Graph, verdicts: Iterable[Verdict], rules: Mapping[str, Rule]) -> tuple[Finding, ...]:
    """Verdicts grouped by rule, the riskiest first: broken rules, then mandatory by severity, then advisory by severity."""
    ranked = sorted(verdicts, key=lambda v: (*_rank(v), v.rule, v.urn))
    groups, tier = groupby(ranked, key=lambda v: (*_rank(v), v.rule)), View(graph).tier
    return tuple(_finding(graph, list(group), rules, tier) for _, group in groups)


def _rank(verdict: Verdict) -> tuple[bool, bool, int]:
    return verdict.status != "error", verdict.level != "mandatory", SEVERITIES.index(verdict.severity)


def _finding(graph: Graph, verdicts: Sequence[Verdict], rules: Mapping[str, Rule], tier: Tier) -> Finding:
    first = verdicts[0]
    rule = rules[first.rule]
    places = tuple(_place(graph, verdict) for verdict in verdicts)
    deployed = rule.level_in(tier)
    return Finding(rule.id, rule.title, rule.concern, first.status, first.level, deployed, first.severity, rule.remedy, places)


def _place(graph: Graph, verdict: Verdict) -> Place:
    resource = graph.by_urn.get(verdict.urn)
    owner = graph.component_of(resource) if resource else None
    return Place(verdict.urn, Urn.parse(verdict.urn).name, owner.name if owner else "", verdict.message)


def unjudged(graph: Graph) -> Iterator[Unchecked]:
    """What passes every rule only because nobody looked inside."""
    for resource in unchecked(graph):
        yield Unchecked(resource.urn, resource.name, resource.type, "no schema")
    apart = {(chart.name, chart.version) for chart in table().values() if chart.rendered}
    for resource in graph.of_type(HELM_RELEASE):
        known = (resource.inputs.get("name"), resource.inputs.get("version")) in apart
        yield Unchecked(resource.urn, resource.name, resource.type, "chart judged apart" if known else "chart not rendered")


def compliance(named: Iterable[str], verdicts: Sequence[Verdict]) -> Iterator[FrameworkLines]:
    """How the controls of the named frameworks stand. Raises KeyError for a framework without rows."""
    for name in named:
        framework = frameworks()[name]
        lines = tuple(
            ControlLine(row.control.id, row.control.title, row.evidence, row.passed, row.control.rules, row.failing, row.control.needs)
            for row in control_rows(framework, verdicts)
        )
        yield FrameworkLines(name, framework.title, framework.source, framework.checked, lines)


def rows(review: Review) -> list[tuple[str, str]]:
    """Every fact of a report as (place, text), in order, for comparing two reports."""
    return list(_rows(review, ""))


def _rows(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        parts: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, tuple):
        parts = enumerate(value)
    else:
        yield place, str(value)
        return
    for name, part in parts:
        yield from _rows(part, f"{place}.{name}" if place else str(name))
