"""Nodes as the kubelet of a managed node group will report them, from what its launch template and user data make of a machine.

What a machine keeps, by awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go, and alike in Bottlerocket: processors in
hundredths of a percent of ranges, memory by the number of pods, 1 GiB of disk; the kubelet holds 100 MiB of memory and 10 % of the
disk free. Of a machine's memory 7.5 % never reach the kubelet, of a disk 2 % are the file system's: no less was reported by the node
in bottlerocket-os/bottlerocket#1563.
"""

import json
import re
import tomllib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import yaml

from components.accelerators import Machine
from components.aws.capacity.sharing import profiles
from tests.nodes.autoscaler import EFFECTS, Shape

RANGES = ((0, 1000, 600), (1000, 2000, 100), (2000, 4000, 50), (4000, 10**9, 25))
"""Millicores from and to, and how many ten-thousandths of them are kept."""
LOST, OF_FILE_SYSTEM, FREE = Fraction(75, 1000), Fraction(2, 100), Fraction(1, 10)
MIB, GIB, PAGE = 2**20, 2**30, 2 * 2**20
EFA, NEURON, CORES, GPU = "vpc.amazonaws.com/efa", "aws.amazon.com/neuron", "aws.amazon.com/neuroncore", "nvidia.com/gpu"
GROUPED = ("trn2.",)
"""Machines whose NeuronCores are announced in groups of a number that is not known here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a node is told as it starts."""

    pods: int
    pages: int = 0
    striped: bool = False
    plugin: Mapping[str, Any]
    """Settings of Bottlerocket's own device plugin for NVIDIA."""


def told(user_data: str) -> Told:
    """What user data says, in either image's form."""
    text = b64decode(user_data).decode()
    return _linux(text) if text.startswith("MIME") else _bottlerocket(tomllib.loads(text)["settings"])


def _bottlerocket(settings: Mapping[str, Any]) -> Told:
    commands = [word for task in settings.get("bootstrap-commands", {}).values() for command in task["commands"] for word in command]
    return Told(
        pods=settings["kubernetes"]["max-pods"],
        pages=int(settings.get("kernel", {}).get("sysctl", {}).get("vm.nr_hugepages", 0)),
        striped="/var/lib/kubelet" in commands,
        plugin=settings.get("kubelet-device-plugins", {}).get("nvidia", {}),
    )


def _linux(text: str) -> Told:
    document = yaml.safe_load(re.split(r"\n--//", text.partition("application/node.eks.aws\n\n")[2])[0])["spec"]
    pages = re.search(r"vm\.nr_hugepages=(\d+)", text)
    return Told(
        pods=document["kubelet"]["config"]["maxPods"],
        pages=int(pages[1]) if pages else 0,
        striped=document.get("instance", {}).get("localStorage", {}).get("strategy") == "RAID0",
        plugin={},
    )


def reported(
    group: Mapping[str, Any], template: Mapping[str, Any], machine: Machine, zone: str, charts: Mapping[str, Mapping[str, Any]]
) -> Shape:
    """The node of one machine type; `charts` are releases of the cluster with their values, among them device plugins."""
    start = told(template["userData"])
    architecture = {"x86_64": "amd64"}.get(machine.architecture, machine.architecture)
    own = {
        "kubernetes.io/arch": architecture,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machine.name,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        "topology.ebs.csi.aws.com/zone": zone,
        "eks.amazonaws.com/nodegroup": str(group["nodeGroupName"]),
        "eks.amazonaws.com/capacityType": str(group["capacityType"]),
    }
    threads = vcpus(template, machine) * 1000
    system = {
        "cpu": Fraction(threads - processors(threads), 1000),
        "memory": memory(machine, start),
        "pods": Fraction(start.pods),
        "ephemeral-storage": disk(template, machine, start),
        **({"hugepages-2Mi": Fraction(start.pages * PAGE)} if start.pages else {}),
    }
    taints = [{"key": t["key"], "value": t.get("value", ""), "effect": EFFECTS[t["effect"]]} for t in group.get("taints") or ()]
    devices = {**accelerators(group, machine, start, charts), **interfaces(template, charts)}
    return Shape(resources={**system, **devices}, labels={**own, **group["labels"]}, taints=taints)


def vcpus(template: Mapping[str, Any], machine: Machine) -> int:
    """Processors that the kubelet counts: those of the machine type, or what the template's CPU options make of its cores.

    Source: EC2 user guide, "CPU options for Amazon EC2 instances" (cores by threads of each).
    """
    options = template.get("cpuOptions")
    return int(options["coreCount"]) * int(options["threadsPerCore"]) if options else machine.vcpus


def processors(millicores: int) -> int:
    """Millicores that are kept; the whole of them rounded up, as no part of one is."""
    return -(-sum((min(millicores, end) - start) * share for start, end, share in RANGES if millicores > start) // 10_000)


def memory(machine: Machine, start: Told) -> Fraction:
    """Bytes that are left."""
    kept = (11 * start.pods + 255 + 100) * MIB + start.pages * PAGE
    return machine.memory_mib * MIB * (1 - LOST) - kept


def disk(template: Mapping[str, Any], machine: Machine, start: Told) -> Fraction:
    """Bytes that are left: of local disks where they are striped, else of the last volume, which is that of images and scratch."""
    volume = template["blockDeviceMappings"][-1]["ebs"]["volumeSize"] * GIB
    size = machine.nvme_gb * 10**9 if start.striped and machine.nvme_disks else volume
    return size * (1 - OF_FILE_SYSTEM) * (1 - FREE) - GIB


def interfaces(template: Mapping[str, Any], charts: Mapping[str, Any]) -> Mapping[str, Fraction]:
    """EFA interfaces, where something announces them."""
    count = sum("efa" in row.get("interfaceType", "") for row in template.get("networkInterfaces") or ())
    return {EFA: Fraction(count)} if count and "aws-efa-k8s-device-plugin" in charts else {}


def accelerators(
    group: Mapping[str, Any], machine: Machine, start: Told, charts: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Fraction]:
    """Accelerators, as what announces them does."""
    count = int(machine.accelerators)
    if machine.neuron:
        cores = {} if machine.name.startswith(GROUPED) else {CORES: Fraction(count * machine.cores)}
        return {NEURON: Fraction(count), **cores} if "neuron-helm-chart" in charts else {}
    if not count:
        return {}
    if "BOTTLEROCKET" in group["amiType"]:
        return {GPU: Fraction(count * _of_bottlerocket(machine, start.plugin))}
    return _of_operator(group["labels"], machine, charts["gpu-operator"]) if "gpu-operator" in charts else {}


def _of_bottlerocket(machine: Machine, plugin: Mapping[str, Any]) -> int:
    """Shares of one GPU."""
    if plugin.get("device-partitioning-strategy") == "mig":
        (profile,) = plugin["mig"]["profile"].values()
        return profiles(machine.accelerator, machine.accelerator_memory_mib)[profile].instances
    strategy = plugin.get("device-sharing-strategy", "none")
    return int(plugin[strategy]["replicas"]) if strategy != "none" else 1


def _of_operator(labels: Mapping[str, str], machine: Machine, values: Mapping[str, Any]) -> Mapping[str, Fraction]:
    """What the GPU operator's device plugin announces by the configuration that a node's label names."""
    config = values["devicePlugin"]["config"]
    chosen = json.loads(config["data"][labels.get("nvidia.com/device-plugin.config", config["default"])])
    count = int(machine.accelerators)
    for way in chosen.get("sharing", {}).values():
        count *= way["resources"][0]["replicas"]
    part = labels.get("nvidia.com/mig.config", "").removeprefix("all-")
    if not part:
        return {GPU: Fraction(count)}
    parts = Fraction(count * profiles(machine.accelerator, machine.accelerator_memory_mib)[part].instances)
    return {GPU: Fraction(0), f"nvidia.com/mig-{part}": parts} if chosen["flags"]["migStrategy"] == "mixed" else {GPU: parts}
