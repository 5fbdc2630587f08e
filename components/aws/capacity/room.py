"""Reservations of a machine: what it keeps from pods before any of them runs. Pure functions."""

from components.accelerators import Machine
from components.aws.capacity.node_plan import HUGE_PAGES, PAGE_MIB

EVICTION_MIB = 100
"""MiB that a kubelet holds free. Source: awslabs/amazon-eks-ami, nodeadm/internal/kubelet/config.go."""
OVERHEAD = 0.075
"""Share of a machine's memory that its hypervisor and kernel keep: one of 8192 MiB reports 7661 in bottlerocket#1563.

Source: Karpenter's chart, vmMemoryOverheadPercent, which it takes off any machine that it has not seen yet.
"""


def kept(machine: Machine, *, pods: int, fabric: bool = False) -> tuple[int, int]:
    """Millicores and MiB that the system keeps when there may be so many pods, with huge pages for a fabric.

    Of processors 6 % of the first, 1 % of the second, 0.5 % of the next two and 0.25 % of the rest; of memory what the machine
    itself keeps, 11 MiB a pod and 255 MiB, and what is held free. Source: awslabs/amazon-eks-ami,
    nodeadm/internal/kubelet/config.go.
    """
    shares = (60.0, 10.0, 5.0, 5.0, *([2.5] * max(machine.vcpus - 4, 0)))
    memory = 11 * pods + 255 + EVICTION_MIB - int(-machine.memory_mib * OVERHEAD // 1)
    pages = HUGE_PAGES * PAGE_MIB if fabric else 0
    return -int(-sum(shares[: machine.vcpus]) // 1), memory + pages
