"""What a machine keeps from pods before any of them runs. Pure functions."""

from components.accelerators import Machine
from components.aws.capacity.node_plan import HUGE_PAGES

EVICTION_MIB = 100
"""MiB that a kubelet holds free. Source: awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go."""
OVERHEAD = 0.075
"""Share of a machine's memory that Karpenter takes off before it starts one for a pod. Source: its chart, vmMemoryOverheadPercent."""


def kept(machine: Machine, *, pods: int, fabric: bool = False, karpenter: bool = False) -> tuple[int, int]:
    """Millicores and MiB that the system keeps when there may be so many pods, with huge pages for a fabric.

    Karpenter takes something off the memory of a machine before it starts it for a pod.
    Of processors 6 % of the first, 1 % of the second, 0.5 % of the next two and 0.25 % of the rest; of memory 11 MiB a pod and 255 MiB,
    and what is held free. Source: awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go.
    """
    shares = (60.0, 10.0, 5.0, 5.0, *([2.5] * max(machine.vcpus - 4, 0)))
    memory = 11 * pods + 255 + EVICTION_MIB
    pages = HUGE_PAGES * 2 if fabric else 0
    overhead = int(machine.memory_mib * OVERHEAD) if karpenter else 0
    return -int(-sum(shares[: machine.vcpus]) // 1), memory + pages + overhead
