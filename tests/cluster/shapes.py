"""Nodes as a stack's own pools would have them: labels and taints from the graph, sizes from the catalogue."""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

from components.accelerators import Machine, aws_machines
from graph.model import Graph, Resource
from infra.onprem_platform import OnPremPlatform
from rehearsal.control_plane.simulation import Node

EFFECTS = {"NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"}
PODS = 110
"""Pods of a node with fewer than 30 vCPUs under prefix delegation. Source: amazon-vpc-cni-k8s, max-pods calculator."""


def of_groups(graph: Graph) -> Iterator[Node]:
    """Every node that the managed node groups may have at the most."""
    subnets = {r.urn: r.inputs["availabilityZone"] for r in graph.of_type("aws:ec2/subnet:Subnet")}
    for group in graph.of_type("aws:eks/nodeGroup:NodeGroup"):
        zones = sorted(subnets[urn] for urn in group.property_dependencies["subnetIds"] if urn in subnets)
        count = group.inputs["scalingConfig"]["maxSize"]
        for number, zone in enumerate(islice(cycle(zones), count)):
            yield _node(group, f"{group.name}-{number}", zone)


def _node(group: Resource, name: str, zone: str) -> Node:
    machine = aws_machines()[group.inputs["instanceTypes"][0]]
    taints = [{"key": t["key"], "value": t["value"], "effect": EFFECTS[t["effect"]]} for t in group.inputs.get("taints") or ()]
    labels = {**group.inputs["labels"], "topology.kubernetes.io/zone": zone, "node.kubernetes.io/instance-type": machine.name}
    return Node(name, allocatable(machine), labels, taints)


def allocatable(machine: Machine) -> dict[str, str]:
    """What is left for pods.

    kube-reserved: 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest; 11 MiB a pod and 255 MiB; and
    100 MiB before eviction. Source: awslabs/amazon-eks-ami, nodeadm kubelet configuration.
    """
    shares = (60, 10, 5, 5, *([2.5] * max(machine.vcpus - 4, 0)))
    cpu = machine.vcpus * 1000 - sum(shares[: machine.vcpus])
    memory = machine.memory_mib - (11 * PODS + 255) - 100
    gpus = {"nvidia.com/gpu": str(int(machine.accelerators))} if machine.accelerators >= 1 else {}
    return {"cpu": f"{int(cpu)}m", "memory": f"{memory}Mi", "pods": str(PODS), **gpus}


def of_site(platform: OnPremPlatform) -> Iterator[Node]:
    """Nodes of a given cluster: its GPU pools as stated, and three plain ones, of which the stack file says nothing."""
    zones = cycle(("a", "b", "c"))
    for name, pool in platform.cluster.pools.items():
        taints: list[dict[str, str]] = [{"key": t.key, "value": t.value, "effect": t.effect} for t in pool.taints]
        for number in range(pool.nodes):
            labels: dict[str, Any] = {**pool.labels, "topology.kubernetes.io/zone": next(zones)}
            yield Node(f"{name}-{number}", {"cpu": "96", "memory": "768Gi", "nvidia.com/gpu": str(pool.gpus_per_node)}, labels, taints)
    for number in range(3):
        yield Node(f"plain-{number}", {"cpu": "16", "memory": "64Gi"}, {"topology.kubernetes.io/zone": next(zones)})
