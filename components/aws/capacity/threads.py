"""Threads of a pool's cores, set by the CPU options of its launch template. Pure functions.

EC2 takes a number of cores and one of threads, both at once, when an instance starts; the price stays
that of the machine type. Sources: EC2 user guide, "CPU options for Amazon EC2 instances" ("There is no
additional or reduced charge") and "Rules for specifying CPU options" (not for bare metal); EC2's answer
to DescribeInstanceTypes, VCpuInfo, for what a machine takes.
"""

from collections.abc import Iterator, Sequence

from components.accelerators import Machine, aws_machines
from components.spec import Problem

FIELD = "threads_per_core"
KARPENTER = "Karpenter's EC2NodeClass has CPU options for nested virtualization alone"
"""Source: aws/karpenter-provider-aws v1.14.1, pkg/apis/crds/karpenter.k8s.aws_ec2nodeclasses.yaml,
spec.cpuOptions; aws/karpenter-provider-aws#8844 would bring threads."""
AUTO_MODE = "node classes of Auto Mode name no CPU options"
"""Source: EKS user guide, "Create a Node Class for Amazon EKS"."""


def misfits(threads: int | None, names: Sequence[str]) -> Iterator[Problem]:
    """Why machines of these types cannot be started with so many threads on each core.

    The launch template names one number of cores, so that all of the types must have it.
    """
    first = aws_machines().get(names[0])
    if threads is None or first is None:
        return
    if text := _unfit(threads, first):
        yield Problem((FIELD,), text)
        return
    for index, name in enumerate(names[1:]):
        other = aws_machines().get(name)
        if other is None:
            continue
        if text := _unfit(threads, other):
            yield Problem(("machines", index), f"cannot be here, since {FIELD} {text}")
        elif other.cpu_cores != first.cpu_cores:
            cores = f"has {other.cpu_cores} cores, and {first.name} has {first.cpu_cores}"
            why = f"{FIELD} sets one number of cores for all"
            yield Problem(("machines", index), f"{cores}; {why}: remove it, or {FIELD}")


def _unfit(threads: int, machine: Machine) -> str:
    """Why one machine cannot be started so, or ""."""
    if not machine.threads:
        what = f"{machine.name}, bare metal," if "metal" in machine.name else machine.name
        text = f"is {threads}, and EC2 takes no CPU options of {what} as far as is known"
        return f"{text}: remove it, or take another machine"
    if machine.threads == (1,):
        return f"is {threads}, and each core of {machine.name} has one thread as it is: remove it"
    if threads not in machine.threads:
        allowed = " or ".join(map(str, machine.threads))
        return f"is {threads}, and {machine.name} takes {allowed}: choose one of these"
    return ""
