"""Nodes as a stack's own pools would have them: labels and taints from the graph, sizes from the catalogue; and the pods of its add-ons."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle, islice
from typing import Any

from components.accelerators import Machine, aws_machines
from components.aws.capacity.density import most_pods
from components.aws.capacity.room import kept
from components.kubernetes.addons.footprint import Pods, managed, pods_of
from components.kubernetes.addons.table import table
from graph.model import Graph, Resource
from infra.onprem.platform import OnPremPlatform
from rehearsal.control_plane.simulation import Node

EFFECTS = {"NO_SCHEDULE": "NoSchedule", "PREFER_NO_SCHEDULE": "PreferNoSchedule", "NO_EXECUTE": "NoExecute"}
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
ZONE, TYPE, FABRIC = "topology.kubernetes.io/zone", "node.kubernetes.io/instance-type", "groundwork.dev/fabric"
KIND = "test.groundwork.dev/"
"""Prefix of labels that tell nodes with devices of each kind; real charts go by the devices themselves."""


def of_groups(graph: Graph) -> Iterator[Node]:
    """Every node that the managed node groups may have at the most."""
    subnets = {r.urn: r.inputs["availabilityZone"] for r in graph.of_type("aws:ec2/subnet:Subnet")}
    for group in graph.of_type("aws:eks/nodeGroup:NodeGroup"):
        zones = sorted(subnets[urn] for urn in group.property_dependencies["subnetIds"] if urn in subnets)
        count = group.inputs["scalingConfig"]["maxSize"]
        taints = [{"key": t["key"], "value": t["value"], "effect": EFFECTS[t["effect"]]} for t in group.inputs.get("taints") or ()]
        machine = aws_machines()[machine_of(graph, group)].with_threads(threads_of(graph, group))
        for number, zone in enumerate(islice(cycle(zones), count)):
            yield _node(f"{group.name}-{number}", machine, group.inputs["labels"], zone, taints)


def machine_of(graph: Graph, group: Resource) -> str:
    """The preferred machine type of a managed node group; that of a capacity block is in its launch template."""
    if named := group.inputs.get("instanceTypes"):
        return str(named[0])
    return next(str(t.inputs["instanceType"]) for t in graph.of_type(TEMPLATE) if t.urn in group.property_dependencies["launchTemplate"])


def threads_of(graph: Graph, group: Resource) -> int | None:
    """Threads on each core that a node group's launch template sets; None where it sets none."""
    used = group.property_dependencies["launchTemplate"]
    options = next(t.inputs.get("cpuOptions") for t in graph.of_type(TEMPLATE) if t.urn in used)
    return int(options["threadsPerCore"]) if options else None


def of_node_pools(graph: Graph) -> Iterator[Node]:
    """Every node that Karpenter may start at the most, of the first machine type of each NodePool, until its limits are reached."""
    for pool in graph.of_type("kubernetes:karpenter.sh/v1:NodePool"):
        template, most = pool.inputs["spec"]["template"], pool.inputs["spec"]["limits"]
        asked = {row["key"]: row["values"] for row in template["spec"]["requirements"]}
        machine = aws_machines()[asked[TYPE][0]]
        count = most["nodes"] if "nodes" in most else most["cpu"] // machine.vcpus
        labels = {**template["metadata"]["labels"], "karpenter.sh/nodepool": pool.inputs["metadata"]["name"]}
        for number, zone in enumerate(islice(cycle(asked[ZONE]), count)):
            yield _node(f"{pool.name}-{number}", machine, labels, zone, template["spec"]["taints"])


def _node(name: str, machine: Machine, own: Mapping[str, str], zone: str, taints: list[dict[str, str]]) -> Node:
    devices = {f"{KIND}{'neuron' if machine.neuron else 'nvidia'}": ""} if machine.accelerators else {}
    labels = {**own, **devices, ZONE: zone, TYPE: machine.name}
    return Node(name, allocatable(machine, fabric=FABRIC in own and "karpenter.sh/nodepool" not in own), labels, taints)


def allocatable(machine: Machine, *, fabric: bool = False) -> dict[str, str]:
    """What is left for pods, as the config rule reckons it."""
    pods = most_pods([machine.name])
    cpu, memory = kept(machine, pods=pods, fabric=fabric)
    gpus = {"nvidia.com/gpu": str(int(machine.accelerators))} if machine.accelerators >= 1 else {}
    sizes = {"cpu": f"{machine.vcpus * 1000 - cpu}m", "memory": f"{machine.memory_mib - memory}Mi"}
    return {**sizes, "pods": str(pods), **gpus}


def of_site(platform: OnPremPlatform) -> Iterator[Node]:
    """Nodes of a given cluster: its GPU pools as stated, and three plain ones, of which the stack file says nothing."""
    zones = cycle(("a", "b", "c"))
    for name, pool in platform.cluster.pools.items():
        taints: list[dict[str, str]] = [{"key": t.key, "value": t.value, "effect": t.effect} for t in pool.taints]
        for number in range(pool.nodes):
            labels: dict[str, Any] = {**pool.labels, f"{KIND}nvidia": "", ZONE: next(zones)}
            yield Node(f"{name}-{number}", {"cpu": "96", "memory": "768Gi", "nvidia.com/gpu": str(pool.gpus_per_node)}, labels, taints)
    for number in range(3):
        yield Node(f"plain-{number}", {"cpu": "16", "memory": "64Gi"}, {ZONE: next(zones)})


def of_addons(graph: Graph) -> Iterator[Pods]:
    """Pods of every chart that a stack releases, sized by what it is told, and of every add-on that EKS or GuardDuty installs for it."""
    rows = {chart.name: name for name, chart in table().items()}
    for release in graph.of_type("kubernetes:helm.sh/v3:Release"):
        name = rows[release.inputs["name"]]
        yield from pods_of(name, table()[name].footprint, release.inputs["values"])
    for addon in graph.of_type("aws:eks/addon:Addon"):
        yield from managed(addon.inputs["addonName"])
    if any(manages_agents(feature) for feature in graph.of_type("aws:guardduty/detectorFeature:DetectorFeature")):
        yield from managed("aws-guardduty-agent")


def manages_agents(feature: Resource) -> bool:
    """Whether a feature of GuardDuty has its agent installed on clusters, as an add-on that no stack makes."""
    agents = feature.inputs.get("additionalConfigurations") or ()
    return any(agent["name"] == "EKS_ADDON_MANAGEMENT" and agent["status"] == "ENABLED" for agent in agents)


def workloads(pods: Iterable[Pods]) -> list[dict[str, Any]]:
    """A deployment or a daemon set for each kind of pods."""
    return [_workload(each) for each in pods]


def _workload(pods: Pods) -> dict[str, Any]:
    labels = {"addon": pods.name}
    spec: dict[str, Any] = {
        "containers": [{"name": "it", "image": "it", "resources": {"requests": {"cpu": f"{pods.cpu}m", "memory": f"{pods.memory}Mi"}}}],
        "nodeSelector": {**pods.on, **({f"{KIND}{pods.nodes}": ""} if pods.nodes in ("nvidia", "neuron") else {})},
    }
    if pods.nodes == "efa":
        spec["nodeSelector"] = {FABRIC: "efa"}
    if pods.nodes:
        spec |= {"tolerations": [{"operator": "Exists"}], "priorityClassName": "system-node-critical"}
    if pods.apart:
        term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    body = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}}
    replicas = {} if pods.nodes else {"replicas": pods.replicas}
    kind = "DaemonSet" if pods.nodes else "Deployment"
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": pods.name, "namespace": "kube-system"},
        "spec": {**replicas, **body},
    }
