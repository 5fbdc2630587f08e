"""Resources that a node of a managed group leaves to pods, told to the cluster autoscaler by tags. Pure functions.

While a group has no node the autoscaler imagines one from the machine type, the group's labels, taints and tags. It knows processors,
memory and NVIDIA GPUs of the machine type only, and takes all of them for allocatable; a tag of the node group overrides each.

Sources: kubernetes/autoscaler@cluster-autoscaler-1.35.0, cluster-autoscaler/cloudprovider/aws: aws_manager.go
(buildNodeFromTemplate), aws_wrapper.go (getManagedNodegroupInfo); kubernetes/autoscaler#5596 and its backport to 1.27, #6241,
for tags of managed node groups. The disk: awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go (1 GiB is reserved), and
the kubelet's own threshold of 10 % of the file system. Both together make the figures of bottlerocket-os/bottlerocket#1563, a
node with 20 GiB: capacity 20624592Ki, allocatable 17933882132.
"""

from collections.abc import Mapping

from components.accelerators import Machine
from components.aws.capacity.node_plan import PAGE_MIB, NodePlan
from components.aws.capacity.room import kept

TEMPLATE = "k8s.io/cluster-autoscaler/node-template/resources/"
"""Beginning of the tags; the name of a resource follows."""
LABEL = "k8s.io/cluster-autoscaler/node-template/label/"
"""Beginning of the tags of labels that nodes get late, from whoever runs on them."""
VOLUME_ZONE = "topology.ebs.csi.aws.com/zone"
"""Label by which volumes of the EBS driver name their zone; the driver puts it on nodes itself.

Source: kubernetes/autoscaler#3845, where a group without nodes is never asked for one.
"""
FILE_SYSTEM = 0.02
"""Share of a disk that the file system takes at the most; 1.7 % in bottlerocket#1563."""
KUBE_PROXY = 100
"""Millicores of a pod of kube-proxy that the autoscaler puts on each imagined node, though EKS runs it as a daemon set.

Source: the same commit, cluster-autoscaler/cloudprovider/utils.go, BuildKubeProxy.
"""
EVICTION, RESERVED_MIB = 0.1, 1024
"""Share of the file system that the kubelet holds free, and MiB that are reserved for the system."""


def template_tags(plan: NodePlan) -> Mapping[str, str]:
    """Tags of a node group by which the autoscaler knows what a new node will leave to daemon sets and pods."""
    left = allocatable(plan)
    told = {**left, "cpu": f"{int(left['cpu'].removesuffix('m')) + KUBE_PROXY}m"}
    zone = {f"{LABEL}{VOLUME_ZONE}": plan.zones[0]} if len(plan.zones) == 1 else {}
    return {**{f"{TEMPLATE}{resource}": amount for resource, amount in told.items()}, **zone}


def allocatable(plan: NodePlan) -> Mapping[str, str]:
    """Quantities that pods of one node may ask for together, by resource; the least of the plan's machines."""
    machines = plan.started
    system = [kept(machine, pods=plan.pods, fabric=plan.fabric) for machine in machines]
    left = list(zip(machines, system, strict=True))
    pages = {"hugepages-2Mi": f"{plan.huge_pages * PAGE_MIB}Mi"} if plan.huge_pages else {}
    return {
        "cpu": f"{min(machine.vcpus * 1000 - cpu for machine, (cpu, _) in left)}m",
        "memory": f"{min(machine.memory_mib - memory for machine, (_, memory) in left)}Mi",
        "pods": str(plan.pods),
        "ephemeral-storage": f"{min(disk_mib(plan, machine) for machine in machines)}Mi",
        **pages,
        **{resource: str(count) for resource, count in plan.devices.items()},
    }


def disk_mib(plan: NodePlan, machine: Machine) -> int:
    """MiB of local disk that pods may ask for: of the machine's own disks where they are striped, else of the data volume."""
    striped = plan.nvme and machine.nvme_disks > 0
    size = machine.nvme_gb * 10**9 if striped else plan.disk_gib * 2**30
    return int(size * (1 - FILE_SYSTEM) * (1 - EVICTION)) // 2**20 - RESERVED_MIB
