"""Mutants of policy documents: statements dropped; principals, resources, conditions widened.

A document that is attached to a bucket, key, topic, queue or file system is about that one thing: its
resources are widened to all objects of the bucket, where the statement is not about them yet. Widening
beyond that changes nothing that can be asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.behaviour.flows.evaluator import Mutant

Statement = Mapping[str, Any]


def mutants(document: str, policy: Mapping[str, Any], owner: str = "") -> Iterator[Mutant]:
    """All mutants of one document; `owner` is the ARN of the resource it is attached to, if any."""
    statements = policy["Statement"]
    for index, statement in enumerate(statements):
        others = [*statements[:index], *statements[index + 1 :]]
        called = statement.get("Sid") or f"statement {index}"
        changes = [("is dropped", None), *_changes(statement, owner)]
        for what, changed in changes:
            kept = [*others, changed] if changed else others
            yield Mutant(
                document=document,
                what=f"{called} {what}",
                policy={**policy, "Statement": kept or [NOTHING]},
            )


NOTHING = {"Sid": "Nothing", "Effect": "Deny", "Action": "a4b:*", "Resource": "*"}
"""A statement that concerns no request, since a document needs one."""


def _changes(statement: Statement, owner: str) -> Iterator[tuple[str, Statement]]:
    yield from _principals(statement)
    yield from _resources(statement, owner)
    yield from _conditions(statement)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _without(values: Sequence[Any]) -> Iterator[tuple[Any, list[Any]]]:
    """Each of several values, and the others."""
    if len(values) > 1:
        for index, value in enumerate(values):
            yield value, [*values[:index], *values[index + 1 :]]


def _principals(statement: Statement) -> Iterator[tuple[str, Statement]]:
    principal = statement.get("Principal", "*")
    if principal in ("*", {"AWS": "*"}):
        return
    yield "lets everyone", {**statement, "Principal": "*"}
    for kind, names in principal.items():
        for name, others in _without(_many(names)):
            yield f"leaves out {name}", {**statement, "Principal": {**principal, kind: others}}


def _resources(statement: Statement, owner: str) -> Iterator[tuple[str, Statement]]:
    resources = _many(statement.get("Resource", "*"))
    if "*" in resources:
        return
    widest = [owner, f"{owner}/*"] if owner else ["*"]
    if not owner or not {owner, f"{owner}/*"} & set(resources):
        yield "is about everything", {**statement, "Resource": widest}
    for resource, others in _without(resources):
        yield f"leaves out {resource}", {**statement, "Resource": others}


def _conditions(statement: Statement) -> Iterator[tuple[str, Statement]]:
    conditions = statement.get("Condition", {})
    for operator, keys in conditions.items():
        for key, values in keys.items():
            rest = {**conditions, operator: {k: v for k, v in keys.items() if k != key}}
            kept = {name: pairs for name, pairs in rest.items() if pairs}
            bare = {k: v for k, v in statement.items() if k != "Condition"}
            yield f"forgets {operator} {key}", {**bare, **({"Condition": kept} if kept else {})}
            for value, others in _without(_many(values)):
                narrowed = {**conditions, operator: {**keys, key: others}}
                yield f"leaves out {key} = {value}", {**statement, "Condition": narrowed}
