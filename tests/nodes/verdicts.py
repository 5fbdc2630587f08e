"""Verdicts on a node group: whether the autoscaler imagines the node that will come, and whether its pods fit both. Pure functions."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from tests.nodes.autoscaler import Shape
from tests.nodes.judged import Group, Pod

CLOSE = Fraction(1, 1000)
"""Share by which an imagined amount may be below the real one: tags are in whole MiB."""


def verdicts(group: Group) -> Iterator[str]:
    """What is wrong with a group; nothing for one that grows from zero as it should."""
    yield from differences(group)
    if group.real.starting() or group.imagined.starting():
        yield "its nodes are never ready to the autoscaler: they have its label of GPUs and no GPU that it knows"
    for pod in group.pods:
        yield from (f"{pod.name}: {text}" for text in placed(group, pod))


def differences(group: Group) -> Iterator[str]:
    """Where the imagined node has more or less than the least of the nodes that may come."""
    own, coming = left(group.imagined), (group.real, *group.others)
    for name in sorted({*own, *(name for real in coming for name in real.resources)}):
        has, will = own.get(name, Fraction(0)), min(real.resources.get(name, Fraction(0)) for real in coming)
        if has > will:
            yield f"more {name} is imagined ({float(has):g}) than a node will have ({float(will):g}): nodes are added for ever"
        elif has < will * (1 - CLOSE):
            yield f"less {name} is imagined ({float(has):g}) than a node will have ({float(will):g}): none is added"


def placed(group: Group, pod: Pod) -> Iterator[str]:
    """Why a pod finds no node of the group, or makes the autoscaler add nodes in vain."""
    seen, comes = missing(group, pod, group.imagined), missing(group, pod, group.real)
    if seen:
        yield f"no node is ever added for it: {seen}"
    if comes:
        yield f"{'nodes are added for ever, since it' if not seen else 'it'} does not fit the real node: {comes}"


def missing(group: Group, pod: Pod, shape: Shape) -> str:
    """What a node lacks for a pod beside daemon sets, or ""."""
    wanted = pod.spec.get("nodeSelector", {})
    if wrong := [key for key, value in wanted.items() if shape.labels.get(key) != value]:
        return f"label {wrong[0]}"
    tolerated = list(pod.spec.get("tolerations") or ())
    if kept := [t["key"] for t in shape.taints if not any(_tolerates(row, t) for row in tolerated)]:
        return f"a toleration of {kept[0]}"
    own = left(shape)
    short = [name for name, asked in pod.asks.items() if asked > own.get(name, Fraction(0)) - group.daemons.get(name, Fraction(0))]
    return f"{short[0]}" if short else ""


def left(shape: Shape) -> Mapping[str, Fraction]:
    """What a node leaves to daemon sets and pods."""
    return {**shape.resources, "cpu": shape.resources["cpu"] - shape.reserved}


def _tolerates(row: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    same = row.get("key") in (None, "", taint["key"]) and row.get("effect") in (None, "", taint["effect"])
    return same and (row.get("operator", "Equal") == "Exists" or row.get("value", "") == taint.get("value", ""))
