"""Roles of AWS services that must exist, or that `up` makes, in an account in which nothing was made before."""

from collections.abc import Iterator

from components.catalogue.linked_roles import LinkedRole, linked_roles
from graph.model import Graph
from infra.notes import Note

SUBJECT = "before up"
TAKEN = 'where it exists already, that fails with "has been taken in this account", and nothing is to be done'


def before_up(graph: Graph) -> Iterator[Note]:
    """Notes of the service-linked roles that a stack's resources use."""
    used = [row for row in linked_roles() if row.role and graph.of_type(row.type)]
    for row in _once(row for row in used if row.made == "operator"):
        command = f"aws iam create-service-linked-role --aws-service-name {row.principal}"
        yield Note(SUBJECT, f"{row.role} must exist, and no service makes it: `{command}`; {TAKEN}")
    if asked := sorted({row.principal for row in used if row.made == "first-use"}):
        text = "services make their roles on first use for whoever has iam:CreateServiceLinkedRole; `up` needs it for"
        yield Note(SUBJECT, f"{text} {', '.join(asked)}")


def _once(rows: Iterator[LinkedRole]) -> tuple[LinkedRole, ...]:
    return tuple({row.principal: row for row in rows}.values())
