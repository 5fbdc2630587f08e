"""Preconditions of an account for the first `up`: service-linked roles that exist, and quotas that are wide enough."""

from collections import Counter
from collections.abc import Iterator, Mapping

from components.accelerators import aws_machines
from components.catalogue.linked_roles import LinkedRole, linked_roles
from components.catalogue.quotas import Bought, quota
from graph.model import Graph, Resource
from infra.notes import Note
from policies.nodes import GROUP, MAKERS, machines, spot_only

SUBJECT = "before up"
SIZE = "scalingConfig.desiredSize"
"""Input of a node group that its autoscaler owns."""
TAKEN = 'where it exists already, that fails with "has been taken in this account", and nothing is to be done'


def before_up(graph: Graph) -> Iterator[Note]:
    """Notes of the service-linked roles that a stack's resources use, and of the quotas that its nodes count against."""
    used = [row for row in linked_roles() if row.role and graph.of_type(row.type)]
    for row in _once(row for row in used if row.made == "operator"):
        command = f"aws iam create-service-linked-role --aws-service-name {row.principal}"
        yield Note(SUBJECT, f"{row.role} must exist, and no service makes it: `{command}`; {TAKEN}")
    if asked := sorted({row.principal for row in used if row.made == "first-use"}):
        text = "services make their roles on first use for whoever has iam:CreateServiceLinkedRole; `up` needs it for"
        yield Note(SUBJECT, f"{text} {', '.join(asked)}")
    if any(SIZE in group.options.ignore_changes for group in graph.of_type(GROUP)):
        text = "where the stack runs already, change min or max of pools with `pulumi up --refresh`: the provider sends the size that"
        yield Note(SUBJECT, f"{text} the state last saw along with them, and the autoscaler may have chosen another since")
    for name, vcpus in quotas(graph).items():
        yield Note(SUBJECT, f"quota {name}: {vcpus} vCPUs when every pool is at its most; new accounts have few or none")


def quotas(graph: Graph) -> Mapping[str, int]:
    """vCPUs of all nodes at their most, by the quota that they count against; capacity blocks count against none."""
    found: Counter[str] = Counter()
    for maker in graph.of_type(*MAKERS):
        if maker.inputs.get("capacityType") != "CAPACITY_BLOCK" and (known := _known(maker)):
            bought: Bought = "spot" if spot_only(maker) else "on-demand"
            found[quota(known, bought)] += _vcpus(maker, known)
    return dict(sorted(found.items()))


def _known(maker: Resource) -> str:
    return next((str(name) for name in machines(maker) if name in aws_machines()), "")


def _vcpus(maker: Resource, machine: str) -> int:
    each = aws_machines()[machine].vcpus
    if maker.type == GROUP:
        return int(maker.inputs["scalingConfig"]["maxSize"]) * each
    most = maker.inputs["spec"]["limits"]
    return int(most["nodes"]) * each if "nodes" in most else int(most["cpu"])


def _once(rows: Iterator[LinkedRole]) -> tuple[LinkedRole, ...]:
    return tuple({row.principal: row for row in rows}.values())
