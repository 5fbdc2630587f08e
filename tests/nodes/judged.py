"""Node groups of every stack, the pods that are meant for them, and the daemon sets that stand on their nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

from components.accelerators import aws_machines
from components.aws.capacity.node_plan import accelerator_pool
from components.aws.cluster.args import ClusterArgs
from components.kubernetes.addons.footprint import NodeKind, Pods, on_node
from graph.model import Graph, Resource
from tests.assertions.graphs import STACKS, graph, on_aws, platform
from tests.cluster.shapes import of_addons
from tests.config.fields import data, draw, judged
from tests.nodes.autoscaler import RESOURCES, Shape, imagined
from tests.nodes.kubelet import reported
from tests.nodes.quantities import amount, quantity

POOL = "groundwork.dev/pool"
GROUP, TEMPLATE, RELEASE = "aws:eks/nodeGroup:NodeGroup", "aws:ec2/launchTemplate:LaunchTemplate", "kubernetes:helm.sh/v3:Release"
TAG, AUTO = "aws:autoscaling/tag:Tag", "kubernetes:eks.amazonaws.com/v1:NodeClass"
CONTEXTS = ("aws", "aws-capacity", "aws-sharing")
"""Platforms that state every field, beside the stack files: no example has every way of sharing, or Neuron without a fabric."""
UNJUDGED = "shrinking of managed groups", "EKS Auto Mode", "claims on volumes of one zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that is meant for a pool."""

    name: str
    spec: Mapping[str, Any]

    @property
    def asks(self) -> Mapping[str, Fraction]:
        """What it asks for, as the scheduler counts it."""
        running, starting = (self._asked(kind) for kind in ("containers", "initContainers"))
        summed = {name: sum((row.get(name, Fraction(0)) for row in running), Fraction(0)) for row in running for name in row}
        most = {name: max(row.get(name, Fraction(0)) for row in starting) for row in starting for name in row}
        return {name: max(summed.get(name, Fraction(0)), most.get(name, Fraction(0))) for name in summed | most}

    def _asked(self, kind: str) -> list[Mapping[str, Fraction]]:
        resources = [container.get("resources", {}) for container in self.spec.get(kind) or ()]
        return [{k: amount(str(v)) for k, v in {**r.get("limits", {}), **r.get("requests", {})}.items()} for r in resources]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One managed node group of a stack, as the autoscaler imagines its node and as the kubelet will report it."""

    stack: str
    name: str
    imagined: Shape
    real: Shape
    daemons: Mapping[str, Fraction]
    """What daemon sets of the stack take on one of its nodes."""
    pods: Sequence[Pod]
    """Pods of the stack that are meant for its pool, and one that asks for all that the pool is said to have."""
    least: int
    """Nodes that are always there."""
    others: Sequence[Shape] = ()
    """Nodes of its further machine types, as the kubelet will report them."""
    rendered: "Rendered"

    def told(self) -> list[str]:
        """Resources that tags tell the autoscaler."""
        return [key.removeprefix(RESOURCES) for key in self.rendered.inputs["tags"] if key.startswith(RESOURCES)]

    def without(self, resource: str) -> "Group":
        """The group as the autoscaler would imagine it without the tag of a resource."""
        inputs = self.rendered.inputs
        fewer = {key: value for key, value in inputs["tags"].items() if key != f"{RESOURCES}{resource}"}
        return self.imagining(replace(self.rendered, inputs={**inputs, "tags": fewer}))

    def imagining(self, rendered: "Rendered") -> "Group":
        """The group as the autoscaler would imagine it if it were rendered so."""
        return replace(self, rendered=rendered, imagined=rendered.imagined())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What the autoscaler's calls would return of a group, from a stack's graph."""

    inputs: Mapping[str, Any]
    """Arguments of the node group."""
    template: Mapping[str, Any]
    """Arguments of its launch template."""
    zones: Sequence[str]
    tags: Mapping[str, str]
    """Tags that the stack puts on the Auto Scaling group itself."""

    def imagined(self) -> Shape:
        """The node that the autoscaler imagines."""
        return imagined(self.inputs, self.template, self.zones, self.tags)


@cache
def groups() -> tuple[Group, ...]:
    """Every managed node group of a pool, of every stack file and of the platforms that state every field."""
    found = [group for name in on_aws() for group in _of(name, graph(name), _cluster(platform(name)))]
    for name in CONTEXTS:
        stated = judged(name, data(name))
        assert stated is not None, name
        found += _of(f"({name})", draw(stated), _cluster(stated))
    return tuple(found)


def auto_mode() -> list[str]:
    """Stacks whose nodes EKS Auto Mode makes, by rules that nobody outside knows."""
    return [name for name in STACKS if name in on_aws() and graph(name).of_type(AUTO)]


def _cluster(stack: Any) -> ClusterArgs | None:
    cluster = getattr(stack, "cluster", None)
    return cluster if isinstance(cluster, ClusterArgs) else None


def _of(stack: str, made: Graph, cluster: ClusterArgs | None) -> Iterator[Group]:
    charts = {r.inputs["chart"].rpartition("/")[2]: r.inputs["values"] for r in made.of_type(RELEASE)}
    addons = list(of_addons(made))
    for group in made.of_type(GROUP):
        pool = group.inputs["labels"][POOL]
        if pool != "system" and cluster:
            yield _group(stack, made, group, addons, charts, [*_meant(made, pool), *_promised(cluster, pool)])


def _group(stack: str, made: Graph, group: Resource, addons: Sequence[Pods], charts: Mapping[str, Any], pods: Sequence[Pod]) -> Group:
    template = next(t for t in made.of_type(TEMPLATE) if t.urn in group.property_dependencies["launchTemplate"]).inputs
    zones = _zones(made, group)
    machines = [aws_machines()[name] for name in group.inputs.get("instanceTypes") or [template["instanceType"]]]
    fabric: list[NodeKind] = ["efa"] if "efa" in str(template["networkInterfaces"]) else []
    devices: list[NodeKind] = ["neuron" if machines[0].neuron else "nvidia"] if machines[0].accelerator else []
    cpu, memory = on_node(addons, [*devices, *fabric])
    rendered = Rendered(inputs=group.inputs, template=template, zones=zones, tags=_scaling_tags(made, group))
    real, *others = [reported(group.inputs, template, machine, zones[0], charts) for machine in machines]
    return Group(
        stack=stack,
        name=group.name,
        imagined=rendered.imagined(),
        real=real,
        daemons={"cpu": Fraction(cpu, 1000), "memory": Fraction(memory * 2**20)},
        pods=pods,
        least=group.inputs["scalingConfig"]["minSize"],
        others=others,
        rendered=rendered,
    )


def _zones(made: Graph, group: Resource) -> list[str]:
    """Zones of its subnets; a network of others names them in the stack file only, so that its site's first stands for it."""
    by_urn = {r.urn: r.inputs["availabilityZone"] for r in made.of_type("aws:ec2/subnet:Subnet") if "availabilityZone" in r.inputs}
    return sorted(by_urn[urn] for urn in group.property_dependencies.get("subnetIds", ()) if urn in by_urn) or ["us-west-2a"]


def _scaling_tags(made: Graph, group: Resource) -> Mapping[str, str]:
    """Tags that the stack puts on the Auto Scaling group behind a node group."""
    rows = [r.inputs["tag"] for r in made.of_type(TAG) if group.urn in r.property_dependencies.get("autoscalingGroupName", ())]
    return {row["key"]: row["value"] for row in rows}


def _meant(made: Graph, pool: str) -> Iterator[Pod]:
    """Every pod of the stack's own workloads that selects nodes of the pool."""
    for resource in made:
        if resource.type.startswith("kubernetes:"):
            for index, spec in enumerate(_specs(dict(resource.inputs))):
                if spec.get("nodeSelector", {}).get(POOL) == pool:
                    yield Pod(name=f"{resource.name}-{index}", spec=spec)


def _specs(value: Any) -> Iterator[Mapping[str, Any]]:
    """Specs of pods anywhere in an object."""
    if isinstance(value, Mapping):
        if isinstance(value.get("containers"), list | tuple) and "name" in value["containers"][0]:
            yield value
        else:
            for item in value.values():
                yield from _specs(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _specs(item)


SOME = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "10Gi"}
"""What any pod asks for."""


def _promised(cluster: ClusterArgs, pool: str) -> Iterator[Pod]:
    """A pod that asks for all devices, all of the fabric and some disk, as the pool's contract says; one that asks for NeuronCores."""
    if pool not in cluster.pools:
        yield Pod(name=f"{pool}-some", spec=_spec(SOME, {POOL: pool}, [{"key": POOL, "operator": "Exists"}]))
        return
    contract = accelerator_pool(pool, cluster.pools[pool])
    devices = 1 if contract.sharing else contract.per_node
    fabric = {contract.fabric.resource: contract.fabric.per_node} if contract.fabric else {}
    pages = {"hugepages-2Mi": f"{contract.fabric.huge_pages_mib}Mi"} if contract.fabric and contract.fabric.huge_pages_mib else {}
    tolerations = [{"key": t.key, "operator": "Equal", "value": t.value, "effect": t.effect} for t in contract.taints]
    for name, asked in (("all", {contract.resource: devices, **fabric, **pages}), ("cores", _cores(cluster, pool))):
        if asked:
            sizes = {**SOME, **{key: str(value) for key, value in asked.items()}}
            yield Pod(name=f"{pool}-{name}", spec=_spec(sizes, contract.node_labels, tolerations))


def _cores(cluster: ClusterArgs, pool: str) -> Mapping[str, int]:
    machine = aws_machines()[cluster.pools[pool].machine]
    known = machine.neuron and not machine.name.startswith("trn2.")
    return {"aws.amazon.com/neuroncore": 1} if known else {}


def _spec(sizes: Mapping[str, str], labels: Mapping[str, str], tolerations: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    container = {"name": "it", "image": "it", "resources": {"requests": dict(sizes), "limits": dict(sizes)}}
    return {"containers": [container], "nodeSelector": dict(labels), "tolerations": list(tolerations)}


def all_of(group: Group, *, beyond: Fraction = Fraction(0)) -> Pod:
    """A pod that asks for all processors, memory and disk that a node leaves beside daemon sets, and for so many bytes of memory more."""
    left = {name: group.real.resources[name] - group.daemons.get(name, Fraction(0)) for name in ("cpu", "memory", "ephemeral-storage")}
    # The tags are in whole MiB, so that a pod in whole MiB less two fits both.
    slack = {"cpu": Fraction(0), "memory": Fraction(2 * 2**20) - beyond, "ephemeral-storage": Fraction(4 * 2**20)}
    sizes = {name: quantity(Fraction(int((value - slack[name]) * 1000), 1000)) for name, value in left.items()}
    spec = _spec(sizes, {POOL: group.real.labels[POOL]}, [{"operator": "Exists"}])
    return Pod(name="all-of-it" if not beyond else "too-much", spec=spec)
