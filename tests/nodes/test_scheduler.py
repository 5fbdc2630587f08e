"""The real scheduler binds every pod to the node that the autoscaler imagines, and to the node that will come.

Bound to the first and not to the second, the autoscaler adds nodes for ever; not bound to the first, it adds none. Each pod has both
nodes for itself, with all daemon sets of its stack on them; kwok stands in for kubelets.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest

from rehearsal.control_plane.client import Client
from rehearsal.control_plane.server import ApiServer
from rehearsal.control_plane.simulation import FAKE, simulated, wait_until, why_unscheduled
from tests.nodes import tally
from tests.nodes.autoscaler import Shape
from tests.nodes.judged import UNJUDGED, Group, Pod, all_of, auto_mode, groups
from tests.nodes.quantities import quantity

pytestmark = pytest.mark.cluster

NAMESPACE = "default"
CASE = "test.groundwork.dev/case"
LIMIT = 150.0
"""Seconds until the scheduler has said something of every pod."""
PLANTED = (
    "ephemeral-storage",
    "hugepages-2Mi",
    "vpc.amazonaws.com/efa",
    "aws.amazon.com/neuron",
    "aws.amazon.com/neuroncore",
)
"""Resources whose missing tag leaves pods without a node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A pod and a node of its own."""

    name: str
    """A label value, unique in the run."""
    group: Group
    pod: Pod
    shape: Shape
    bound: bool
    """Whether the pod must be bound."""

    @property
    def told(self) -> str:
        """What the case is of."""
        return f"{self.group.stack} {self.group.name} {self.pod.name}"

    def node(self) -> dict[str, Any]:
        """The node, marked for kwok; what it has not is not there, but for local disk, which kwok would invent."""
        sizes = {"ephemeral-storage": "0", **{name: quantity(_whole(name, value)) for name, value in self.shape.resources.items()}}
        labels = {**self.shape.labels, "kubernetes.io/hostname": self.name, CASE: self.name}
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": self.name, "labels": _allowed(labels), "annotations": {FAKE: "fake"}},
            "spec": {"taints": [dict(taint) for taint in self.shape.taints]},
            "status": {"capacity": sizes, "allocatable": sizes},
        }

    def daemons(self) -> dict[str, Any]:
        """A pod with all that daemon sets ask for, and what the autoscaler adds, on the node already."""
        asked = {**self.group.daemons, "cpu": self.group.daemons["cpu"] + self.shape.reserved}
        container = {"name": "it", "image": "it", "resources": {"requests": {k: quantity(v) for k, v in asked.items()}}}
        spec = {"nodeName": self.name, "containers": [container], "tolerations": [{"operator": "Exists"}]}
        return _pod(f"{self.name}-daemons", spec)

    def workload(self) -> dict[str, Any]:
        """The pod, without what no other object of its stack is here for."""
        volumes = [{"name": v["name"], "emptyDir": {}} for v in self.pod.spec.get("volumes") or ()]
        dropped = ("serviceAccountName", "priorityClassName", "volumes", "nodeSelector")
        kept = {key: value for key, value in self.pod.spec.items() if key not in dropped}
        selector = {**self.pod.spec.get("nodeSelector", {}), CASE: self.name}
        return _pod(self.name, {**kept, "volumes": volumes, "nodeSelector": selector, "automountServiceAccountToken": False})


def _whole(name: str, value: Fraction) -> Fraction:
    """Bytes as whole ones: kubelets report no part of one."""
    return value if name == "cpu" else Fraction(int(value))


def _allowed(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if " " not in key}


def _pod(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": dict(spec)}


def cases() -> Iterator[Case]:
    """Every pod on both nodes; a pod that takes all, on both; one that takes more than all, on neither; and planted faults."""
    found: list[tuple[Group, Pod, Shape, bool]] = []
    for group in groups():
        whole, more = all_of(group), all_of(group, beyond=Fraction(2**26))
        found += [(group, pod, shape, True) for pod in (*group.pods, whole) for shape in (group.imagined, group.real)]
        found += [(group, more, shape, False) for shape in (group.imagined, group.real)]
    found += planted()
    for number, (group, pod, shape, bound) in enumerate(found):
        yield Case(name=f"case-{number}", group=group, pod=pod, shape=shape, bound=bound)


def planted() -> Iterator[tuple[Group, Pod, Shape, bool]]:
    """For each kind of tag a pod that asks for the resource, on the node that would be imagined without the tag."""
    for resource in PLANTED:
        asking = [(group, pod) for group in groups() if resource in group.told() for pod in group.pods if pod.asks.get(resource)]
        group, pod = asking[0]
        yield group, replace(pod, name=f"{pod.name} without a tag of {resource}"), group.without(resource).imagined, False
    shared = next(
        g for g in groups() if g.imagined.resources["nvidia.com/gpu"] > g.without("nvidia.com/gpu").imagined.resources["nvidia.com/gpu"]
    )
    (pod,) = shared.pods[-1:]
    crowd = replace(pod, name="as many shares as a node has", spec=_asking(pod.spec, shared.imagined.resources["nvidia.com/gpu"]))
    yield shared, crowd, shared.imagined, True
    yield shared, crowd, shared.without("nvidia.com/gpu").imagined, False


def _asking(spec: Mapping[str, Any], gpus: Fraction) -> dict[str, Any]:
    sizes = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": str(gpus)}
    return {**spec, "containers": [{"name": "it", "image": "it", "resources": {"requests": sizes, "limits": sizes}}]}


def place(api: Client, every: Sequence[Case]) -> Mapping[str, Mapping[str, Any]]:
    """Pods by name, once the scheduler has bound each or said why not."""
    for case in every:
        api.post("/api/v1/nodes", case.node())
    for case in every:
        api.post(f"/api/v1/namespaces/{NAMESPACE}/pods", case.daemons())
        api.post(f"/api/v1/namespaces/{NAMESPACE}/pods", case.workload())
    seen: dict[str, Mapping[str, Any]] = {}

    def settled() -> bool:
        seen.update({pod["metadata"]["name"]: pod for pod in api.items("v1", "Pod", NAMESPACE)})
        return all(_bound(seen[case.name]) or (not case.bound and why_unscheduled(seen[case.name])) for case in every)

    try:
        wait_until(settled, "the scheduler is silent", limit=LIMIT)
    except Exception:
        if not seen:
            raise
    return seen


def _bound(pod: Mapping[str, Any]) -> bool:
    return bool(pod["spec"].get("nodeName"))


def test_the_scheduler_agrees(plain: ApiServer) -> None:
    every = list(cases())
    with simulated(plain):
        seen = place(plain.client, every)
    never = [f"{c.told}: {why_unscheduled(seen[c.name])}" for c in every if c.bound and not _bound(seen[c.name])]
    assert never == [], "no node is ever added, or nodes are added for ever"
    assert [case.told for case in every if not case.bound and _bound(seen[case.name])] == [], "more than a node has was promised"
    tally.judged("node groups", len(groups()))
    tally.judged("of them at zero", len([group for group in groups() if not group.least]))
    tally.judged("pods placed on nodes", len([case for case in every if case.bound]))
    tally.judged("pods rightly not placed", len([case for case in every if not case.bound]))
    tally.UNJUDGED.update((*UNJUDGED, *(f"nodes of stack {name}, by EKS Auto Mode" for name in auto_mode())))
