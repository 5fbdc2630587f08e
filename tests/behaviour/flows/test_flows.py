"""Flows of rendered stacks: each call that must pass passes, and no other does.

Identity policies x boundary x resource, key and endpoint policies x trust, by an evaluator that is not
ours. A mutant of a document that no row tells from the document is a statement that nobody asks for.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.assertions.graphs import graph
from tests.behaviour.flows.evaluator import Answer, Mutant, Request, evaluate
from tests.behaviour.flows.mutants import mutants
from tests.behaviour.flows.rendered import Rendered
from tests.behaviour.flows.table import (
    ANYTHING,
    EVERYTHING,
    OPEN,
    OPENED,
    Row,
    requests,
    rows_of,
    tables,
)

pytestmark = pytest.mark.behaviour
STACKS = sorted({stack for table in tables() for stack in table.about})
LEAST_ROWS, LEAST_REFUSALS = 120, 40
"""Rows about production, and those of them that must fail."""
LEAST_KILLED = 95
"""Percent of mutants of the production stack that a row must tell from the document."""
WORLD = {ANYTHING: EVERYTHING, OPEN: OPENED}
Record = Callable[[str, object], None]


@cache
def rendered(stack: str) -> Rendered:
    return Rendered(graph(stack))


@cache
def asked(stack: str) -> list[tuple[Row, Request]]:
    """Every request of a stack's rows."""
    return [(row, each) for row in rows_of(stack) for each in requests(row, rendered(stack))]


def judge(folder: Path, stack: str, changed: list[Mutant]) -> Answer:
    documents = {**rendered(stack).documents, **WORLD}
    return evaluate(folder, documents, [request for _, request in asked(stack)], changed)


def wrong(stack: str, answer: Answer) -> list[str]:
    """What went otherwise than its row says."""
    pairs = zip(asked(stack), answer.verdicts, strict=True)
    return [
        f"{row.flow}: must {row.must}: {request.action} on {request.resource}: "
        f"{verdict.get('error') or verdict['result']}; context {dict(request.context)}; {row.source}"
        for (row, request), verdict in pairs
        if verdict.get("allowed") is not request.expected
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_what_must_pass_passes_and_nothing_else_does(stack: str, evaluator: Path, record_property: Record) -> None:
    answer = judge(evaluator, stack, [])
    count, refusals = len(asked(stack)), sum(row.must == "fail" for row in rows_of(stack))
    record_property(
        "judged",
        f"flows of {stack}: {len(rows_of(stack))} rows, {refusals} of them must fail; {count} requests",
    )
    assert count, "no flow was judged"
    assert wrong(stack, answer) == []


def test_production_is_judged_widely() -> None:
    rows = rows_of("prod")
    assert len(rows) >= LEAST_ROWS
    assert sum(row.must == "fail" for row in rows) >= LEAST_REFUSALS


def test_rows_tell_changed_documents_from_those_that_are_rendered(evaluator: Path, record_property: Record) -> None:
    stack = rendered("prod")
    changed = [
        mutant for document in sorted(stack.own) for mutant in mutants(document, stack.documents[document], stack.owners.get(document, ""))
    ]
    answer = judge(evaluator, "prod", changed)
    pairs = list(zip(changed, answer.killers, strict=True))
    alive = [f"{mutant.document}: {mutant.what}" for mutant, killer in pairs if killer is None]
    killed = 100 * (len(changed) - len(alive)) / len(changed)
    record_property("judged", f"mutants of prod: {len(changed)}, {killed:.1f} % told by a row")
    assert killed >= LEAST_KILLED, f"add a row, or remove what is needless: {alive}"
    assert set(alive) <= set(NEEDLESS), "say here why it stays, or add a row"


NEEDLESS = {
    "identity-boundary.policy: NoEscalation is dropped": "a policy rule asks for the denial; nothing in the boundary allows these actions",
}
"""Mutants that no row can tell from the document, and why the statement stays."""


def planted(stack: str, document: str, sid: str | None) -> Mutant:
    """The document with a condition on the source of one statement, as it once was."""
    policy = rendered(stack).documents[document]
    asks = {"Condition": {"StringEquals": {"aws:SourceAccount": rendered(stack).account}}}
    changed = [{**s, **asks} if s.get("Sid") == sid else s for s in policy["Statement"]]
    return Mutant(document=document, what="asks for a source", policy={**policy, "Statement": changed})


@pytest.mark.parametrize(
    ("stack", "document", "sid"),
    [
        ("prod", "account-alerts-publishers.policy", "FindingsPublish"),
        ("prod", "account-key.policy", "Events"),
        ("prod", "account-trail-writer-role.assumeRolePolicy", None),
        ("karpenter", "cluster-key.policy", "Events"),
    ],
)
def test_conditions_that_a_service_does_not_support_are_found(evaluator: Path, stack: str, document: str, sid: str | None) -> None:
    (killer,) = judge(evaluator, stack, [planted(stack, document, sid)]).killers
    assert killer is not None
    assert asked(stack)[killer][0].must == "pass"
