"""What Karpenter's AWS provider imagines of a machine before it starts one, and the file in which its kwok provider reads that.

Restates computeCapacity, kubeReservedResources, evictionThreshold and ENILimitedPods of aws/karpenter-provider-aws v1.14.1,
pkg/providers/instancetype/types.go. Left out: vpc.amazonaws.com/pod-eni, which no pod of ours asks for, and soft evictions.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.accelerators import Machine, aws_machines
from components.catalogue.prices import anywhere

TYPE, ZONE = "node.kubernetes.io/instance-type", "topology.kubernetes.io/zone"
CAPACITY, RESERVATION = "karpenter.sh/capacity-type", "karpenter.k8s.aws/capacity-reservation-id"
OVERHEAD = 0.075
"""VM_MEMORY_OVERHEAD_PERCENT of the chart."""
KWOK = {"cpu": 100, "memory": 10}
"""Millicores and MiB that the kwok provider takes off what the file says (kwok/cloudprovider/helpers.go)."""
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
RESERVED = 8
"""Instances of each reservation."""


def memory_mib(machine: Machine) -> int:
    """Memory that is left of a machine's by the overhead of virtualisation, and by what Graviton keeps."""
    size = machine.memory_mib - (64 if machine.architecture == "arm64" else 0)
    return size - math.ceil(size * OVERHEAD)


def storage_gib(machine: Machine, node_class: Mapping[str, Any]) -> float:
    """Ephemeral storage: all local disks where they are striped, else the volume of images and scratch."""
    if node_class.get("instanceStorePolicy") == "RAID0" and machine.nvme_gb:
        return machine.nvme_gb * 1e9 / 2**30
    device = "/dev/xvdb" if node_class["amiFamily"] == "Bottlerocket" else "/dev/xvda"
    volume = next(row["ebs"]["volumeSize"] for row in node_class["blockDeviceMappings"] if row["deviceName"] == device)
    return float(volume.removesuffix("Gi"))


def interfaces(machine: Machine, node_class: Mapping[str, Any]) -> int:
    """EFA interfaces: those that the class names, else all that the machine may have."""
    named = node_class.get("networkInterfaces")
    return machine.efa_max if named is None else sum(row["interfaceType"] == "efa-only" for row in named)


def limited_pods(machine: Machine, node_class: Mapping[str, Any]) -> int:
    """Pods that have an address of their own on the first network card."""
    named = node_class.get("networkInterfaces") or ()
    taken = sum(row["networkCardIndex"] == 0 and row["interfaceType"] == "efa-only" for row in named)
    return max(machine.cards[0].interfaces - taken, 0) * (machine.addresses - 1) + 2


def reserved_cpu(machine: Machine) -> int:
    """Millicores that the kubelet keeps: 6 % of the first processor, 1 % of the second, 0.5 % of two more, 0.25 % of the rest."""
    shares = (60.0, 10.0, 5.0, 5.0, *([2.5] * max(machine.vcpus - 4, 0)))
    return int(sum(shares[: machine.vcpus]))


def allocatable(machine: Machine, node_class: Mapping[str, Any]) -> dict[str, str]:
    """What pods are imagined to have of a node of the class."""
    pods = int(node_class["kubelet"]["maxPods"])
    counted = pods if node_class["amiFamily"] == "Bottlerocket" else limited_pods(machine, node_class)
    storage = storage_gib(machine, node_class)
    sizes = {
        "cpu": f"{machine.vcpus * 1000 - reserved_cpu(machine)}m",
        "memory": f"{memory_mib(machine) - (11 * counted + 255) - 100}Mi",
        "ephemeral-storage": f"{int((storage * 0.9 - 1) * 1024)}Mi",
        "pods": str(pods),
    }
    devices = {"vpc.amazonaws.com/efa": interfaces(machine, node_class)}
    if machine.accelerator:
        devices[machine.resource] = int(machine.accelerators)
    if machine.neuron:
        devices["aws.amazon.com/neuroncore"] = int(machine.accelerators) * machine.cores
    return {**sizes, **{name: str(count) for name, count in devices.items() if count}}


def _for_kwok(resources: Mapping[str, str]) -> dict[str, str]:
    """Resources with what the kwok provider takes off them added."""
    cpu, memory = int(resources["cpu"].removesuffix("m")), int(resources["memory"].removesuffix("Mi"))
    return {**resources, "cpu": f"{cpu + KWOK['cpu']}m", "memory": f"{memory + KWOK['memory']}Mi"}


def required(pool: Mapping[str, Any], key: str) -> list[str]:
    """Values that a NodePool's spec requires of a label."""
    return [value for row in pool["template"]["spec"]["requirements"] if row["key"] == key for value in row["values"]]


def offerings(name: str, pool: Mapping[str, Any], node_class: str) -> Iterator[dict[str, Any]]:
    """Each zone and way in which a pool may have a machine; what is reserved costs least and is counted."""
    found = anywhere(name, "us-east-1")
    price = found[0].usd_per_hour if found else 1.0
    for zone in required(pool, ZONE):
        for way in required(pool, CAPACITY):
            held = {RESERVATION: node_class} if way == "reserved" else {}
            rows = [{"key": k, "operator": "In", "values": [v]} for k, v in {ZONE: zone, CAPACITY: way, **held}.items()]
            factor = {"reserved": 0.001, "spot": 0.4}.get(way, 1.0)
            counted = {"ReservationCapacity": RESERVED} if held else {}
            yield {"Price": price * factor, "Available": True, "Requirements": rows, **counted}


def machine_types(pools: Mapping[str, Mapping[str, Any]], classes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The kwok provider's file: every machine of every NodePool, by the name of the pool and of its class, each once.

    Raises ValueError where two classes give one machine different resources, which one file cannot say.
    """
    made: dict[str, dict[str, Any]] = {}
    for pool in pools.values():
        node_class = pool["template"]["spec"]["nodeClassRef"]["name"]
        for name in required(pool, TYPE):
            machine = aws_machines()[name]
            resources = _for_kwok(allocatable(machine, classes[node_class]))
            row = made.setdefault(name, _row(machine, resources))
            if row["resources"] != resources:
                raise ValueError(f"{name} has other resources under {node_class}")
            row["offerings"] += list(offerings(name, pool, node_class))
    return list(made.values())


def _row(machine: Machine, resources: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": machine.name,
        "architecture": ARCHITECTURES[machine.architecture],
        "operatingSystems": ["linux"],
        "resources": dict(resources),
        "offerings": [],
    }


def rewritten(pool: Mapping[str, Any], idle: str) -> dict[str, Any]:
    """A NodePool's spec as the kwok provider takes it: its own node class, and an idle time that a test can wait for."""
    template = pool["template"]
    reference = {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": template["spec"]["nodeClassRef"]["name"]}
    node = {**template["spec"], "nodeClassRef": reference}
    return {
        **pool,
        "template": {**template, "spec": node},
        "disruption": {**pool["disruption"], "consolidateAfter": idle},
    }


REWRITES = frozenset(
    {
        "disruption.consolidateAfter",
        "template.spec.nodeClassRef.group",
        "template.spec.nodeClassRef.kind",
    }
)
"""Every path at which a NodePool differs from what its stack renders."""


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Paths at which two values differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one.keys() | other.keys():
            yield from differences(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
    elif one != other:
        yield path


def zones_of(pools: Sequence[Mapping[str, Any]]) -> set[str]:
    """Zones in which any of the pools may have nodes."""
    return {zone for pool in pools for zone in required(pool, ZONE)}
