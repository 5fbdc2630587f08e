"""Nodes as the cluster autoscaler imagines them while a managed node group has none: its documented algorithm, restated.

A stack's group becomes what EKS and Auto Scaling would answer of it; from these answers, the machine's row and nothing else a node
is built. Source: kubernetes/autoscaler@cluster-autoscaler-1.35.0 (25fc5c74f6b0, the same in 00a2c93c3857), in
cluster-autoscaler/cloudprovider: aws/aws_manager.go (buildNodeFromTemplate, getAsgTemplate, buildGenericLabels, extract…FromAsg,
extractAllocatableResourcesFromTags), aws/aws_wrapper.go (getManagedNodegroupInfo), utils.go (BuildKubeProxy). Held to upstream's
own test vectors in upstream.yaml.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from components.accelerators import aws_machines
from tests.nodes.quantities import amount

TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"
RESOURCES, LABELS, TAINTS = (f"{TEMPLATE}{kind}/" for kind in ("resources", "label", "taint"))
OF_EKS = "eks:"
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
PODS = 110
KUBE_PROXY = Fraction(1, 10)
"""Processors of the pod that the autoscaler puts on every node that it imagines."""
GPU_LABEL, GPUS = (
    "k8s.amazonaws.com/accelerator",
    (
        "nvidia.com/gpu",
        "habana.ai/gaudi",
        "gpu.intel.com/xe",
        "amd.com/gpu",
        "microsoft.com/directx",
    ),
)
"""A node with this label and none of these resources is still starting to the autoscaler.

Source: the same commit, processors/customresources/gpu_processor.go and utils/gpu/gpu.go.
"""


class Unknown(Exception):
    """The autoscaler can imagine no node, and leaves the group alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A node, as far as the scheduler looks at it."""

    resources: Mapping[str, Fraction]
    """What pods may ask for."""
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]] = ()
    reserved: Fraction = Fraction(0)
    """Processors that a pod takes which is no daemon set's."""

    def starting(self) -> bool:
        """Whether the autoscaler would take such a node for one that still starts, for ever."""
        return GPU_LABEL in self.labels and not any(self.resources.get(name) for name in GPUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What EC2 tells of a machine type."""

    name: str
    vcpus: int
    memory_mib: int
    gpus: int = 0
    architecture: str = "amd64"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingGroup:
    """What Auto Scaling tells of a group."""

    machine: str
    zones: Sequence[str]
    tags: Mapping[str, str] = field(default_factory=dict)


def build(group: ScalingGroup, machines: Mapping[str, Instance], described: Mapping[str, Any] | None) -> Shape:
    """The imagined node; `described` is what EKS answers to DescribeNodegroup, None where it may not be asked. Raises Unknown."""
    if not group.zones:
        raise Unknown("the group is in no zone")
    machine = machines.get(group.machine)
    if machine is None:
        raise Unknown(f"{group.machine} is not a machine type")
    tagged = {key.partition(OF_EKS)[2]: value for key, value in group.tags.items() if key.startswith(OF_EKS)}
    named = {key.removeprefix(LABELS): value for key, value in group.tags.items() if key.startswith(LABELS)}
    managed = described if {"nodegroup-name", "cluster-name"} <= tagged.keys() else None
    return Shape(
        resources={**_of_machine(machine), **_resources(group.tags), **_resources(managed.get("tags") or {} if managed else {})},
        labels={**_generic(machine, group.zones[0]), **named, **tagged, **(_labels(managed) if managed else {})},
        taints=[*_taints(group.tags), *(_described_taints(managed.get("taints") or ()) if managed else ())],
        reserved=KUBE_PROXY,
    )


def _of_machine(machine: Instance) -> Mapping[str, Fraction]:
    return {
        "pods": Fraction(PODS),
        "cpu": Fraction(machine.vcpus),
        "nvidia.com/gpu": Fraction(machine.gpus),
        "memory": Fraction(machine.memory_mib * 2**20),
    }


def _resources(tags: Mapping[str, str]) -> Mapping[str, Fraction]:
    found = {key.removeprefix(RESOURCES): value for key, value in tags.items() if key.startswith(RESOURCES)}
    return {name: read for name, value in found.items() if name and (read := _amount(value)) is not None}


def _amount(text: str) -> Fraction | None:
    try:
        return amount(text)
    except ValueError:
        return None


def _generic(machine: Instance, zone: str) -> Mapping[str, str]:
    return {
        "kubernetes.io/arch": machine.architecture,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machine.name,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        "topology.ebs.csi.aws.com/zone": zone,
    }


FACTS = {"diskSize": "diskSize", "amiType": "amiType", "capacityType": "eks.amazonaws.com/capacityType", "version": "k8sVersion"}


def _labels(described: Mapping[str, Any]) -> Mapping[str, str]:
    facts = {**FACTS, "nodegroupName": "eks.amazonaws.com/nodegroup"}
    told = {label: str(described[name]) for name, label in facts.items() if described.get(name)}
    return {**told, **(described.get("labels") or {})}


def _taints(tags: Mapping[str, str]) -> Iterable[Mapping[str, str]]:
    for key, text in tags.items():
        value, _, effect = text.rpartition(":")
        if key.startswith(TAINTS) and re.search(":(?:NoSchedule|NoExecute|PreferNoSchedule)", text):
            yield {"key": key.removeprefix(TAINTS), "value": value, "effect": effect}


def _described_taints(rows: Iterable[Mapping[str, str]]) -> Iterable[Mapping[str, str]]:
    for row in rows:
        if "key" in row and "value" in row:
            yield {"key": row["key"], "value": row["value"], "effect": EFFECTS[row["effect"]]}


def imagined(group: Mapping[str, Any], template: Mapping[str, Any], zones: Sequence[str], tags: Mapping[str, str] | None = None) -> Shape:
    """The node that the autoscaler imagines of a rendered node group, from its arguments and those of its launch template.

    `tags` are those that a stack puts on the Auto Scaling group itself; EKS adds its own. Raises Unknown.
    """
    machine = (group.get("instanceTypes") or [template.get("instanceType")])[0]
    own = {"eks:nodegroup-name": str(group["nodeGroupName"]), "eks:cluster-name": str(group["clusterName"])}
    scaling = ScalingGroup(machine=str(machine), zones=zones, tags={**own, **(tags or {})})
    described = {FROM_INPUT.get(name, name): value for name, value in group.items() if value is not None}
    return build(scaling, rows([scaling.machine]), described)


FROM_INPUT = {"nodeGroupName": "nodegroupName"}
"""Names in EKS's answer, by those of the arguments where they differ."""


def rows(names: Iterable[str]) -> Mapping[str, Instance]:
    """Machine types as EC2 tells them, from the catalogue; GPUs are those of NVIDIA."""
    known = {name: machine for name in names if (machine := aws_machines().get(name))}
    return {
        name: Instance(
            name=name,
            vcpus=machine.vcpus,
            memory_mib=machine.memory_mib,
            gpus=0 if machine.neuron else int(machine.accelerators),
            architecture={"x86_64": "amd64"}.get(machine.architecture, machine.architecture),
        )
        for name, machine in known.items()
    }
