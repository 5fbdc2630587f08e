"""The rules under the engine: about a dozen policy objects, one a concern, over the same predicates.

The pack collects the inputs of every resource as the engine analyses it, and judges the whole stack once at the end. So its verdicts
rest on what the program asked for, as the offline review's do, and the SDK's cost of many policy objects is not paid per rule.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.policy import Policy
from pulumi_policy.proxy import _DictProxy, _is_unknown, _ListProxy

from graph.model import UNKNOWN, Graph, Options, Resource
from policies.catalog import BOOKS, BY_ID
from policies.evaluate import Settings, evaluate
from policies.model import Verdict
from policies.waivers import load

PLACEHOLDERS: Final = ("placeholder-image", "placeholder-id")
"""Policy objects of their own, so that pack configuration can lower them: a rehearsal pulls no image and knows no account."""
WAIVERS: Final = Path(__file__).parent / "waivers.yaml"
SHOWN: Final[Mapping[str, str]] = {"undetermined": "undetermined: ", "error": "error: ", "waived": "waived: ", "fail": ""}


def opened(value: Any) -> Any:
    """The SDK's guarded value as plain JSON with UNKNOWN where it is not known."""
    value = value["__target"] if isinstance(value, _DictProxy | _ListProxy) else value
    if isinstance(value, Mapping):
        return {key: opened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [opened(item) for item in value]
    if _is_unknown(value):
        return UNKNOWN
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Judge:
    """Collects inputs while the engine runs the program, and judges once for all policy objects of one analysis."""

    def __init__(self) -> None:
        self.inputs: dict[str, Mapping[str, Any]] = {}
        self._judged: tuple[int, tuple[Verdict, ...]] = (0, ())

    def collect(self, args: ResourceValidationArgs, report: ReportViolation) -> None:
        """Keep what the program asked for. A new preview or update begins with the stack itself."""
        if args.resource_type == "pulumi:pulumi:Stack":
            self.inputs.clear()
            self._judged = (0, ())
        self.inputs[args.urn] = opened(args.props)

    def resource(self, found: PolicyResource) -> Resource:
        """One resource of the engine in the graph's terms."""
        inputs = self.inputs.get(found.urn)
        return Resource(
            urn=found.urn,
            type=found.resource_type,
            name=found.name,
            custom=found.provider is not None,
            parent=found.parent.urn if found.parent else "",
            inputs=opened(found.props) if inputs is None else inputs,
            provider=found.provider.urn if found.provider else "",
            dependencies=tuple(other.urn for other in found.dependencies),
            property_dependencies={name: tuple(o.urn for o in others) for name, others in found.property_dependencies.items()},
            options=Options(protect=bool(found.opts.protect)),
        )

    def verdicts(self, resources: Sequence[PolicyResource]) -> tuple[Verdict, ...]:
        """The verdicts on a stack; the policy objects of one analysis share them."""
        key = hash(tuple(found.urn for found in resources)) ^ len(self.inputs)
        if not self._judged[1] or self._judged[0] != key:
            graph = Graph("", "", tuple(self.resource(found) for found in resources))
            waivers = load(WAIVERS, today=date.today(), rules=BY_ID, urns=graph.by_urn)
            self._judged = (key, evaluate(graph, Settings({}, waivers)))
        return self._judged[1]


def told(verdict: Verdict) -> str:
    """The text of a verdict: the rule's id, its status unless it failed, and why."""
    return f"[{verdict.rule}] {SHOWN[verdict.status]}{verdict.message}"


def reporter(judge: Judge, wanted: Callable[[Verdict], bool]) -> Callable[[StackValidationArgs, ReportViolation], None]:
    """The body of a policy object that reports some of the verdicts."""

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for verdict in judge.verdicts(args.resources):
            if verdict.status in SHOWN and wanted(verdict):
                report(told(verdict), verdict.urn)

    return validate


def stops(verdict: Verdict) -> bool:
    """Whether a verdict stops an update: a mandatory rule failed, or a rule broke."""
    return verdict.status == "error" or (verdict.status == "fail" and verdict.level == "mandatory")


def policies() -> list[Policy]:
    """The policy objects of the pack."""
    judge = Judge()
    mandatory, advisory = EnforcementLevel.MANDATORY, EnforcementLevel.ADVISORY
    found: list[Policy] = [
        ResourceValidationPolicy("collect", "Collects what the program asks for.", judge.collect, enforcement_level=advisory)
    ]
    for book in BOOKS:
        ids = frozenset(rule.id for rule in book.rules) - {*PLACEHOLDERS}
        text = f"Groundwork's rules on {book.concern}: {len(ids)}."
        found.append(StackValidationPolicy(book.concern, text, reporter(judge, _of(ids)), enforcement_level=mandatory))
    for name in PLACEHOLDERS:
        found.append(StackValidationPolicy(name, BY_ID[name].title, reporter(judge, _of({name})), enforcement_level=mandatory))
    text = "What is advised, waived, or cannot be judged before an apply."
    found.append(StackValidationPolicy("notes", text, reporter(judge, lambda v: not stops(v)), enforcement_level=advisory))
    return found


def _of(ids: frozenset[str] | set[str]) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.rule in ids and stops(verdict)


def pack() -> PolicyPack:
    """Serve the pack to the engine that started this process."""
    return PolicyPack("groundwork", policies())
