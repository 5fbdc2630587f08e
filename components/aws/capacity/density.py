"""Pods of a node: how many it takes, and how many prefixes of addresses they may come to need. Pure functions.

Sources: awslabs/amazon-eks-ami@0a6d499edc0c:templates/al2/runtime/max-pods-calculator.sh; AWS EKS user guide, "Increase the available IP
addresses for your Amazon EKS node" and "Choose an optimal Amazon EC2 node instance type", read 2026-11-26.
"""

from collections.abc import Sequence

from components.accelerators import Machine, aws_machines

PREFIX = 16
"""Addresses of one prefix, a /28."""
WARM = 1
"""Prefixes that a node keeps beside those in use; what the CNI is told as WARM_PREFIX_TARGET."""
HOST_NETWORKED = 2
"""Pods of the formula that take no address of their own: the CNI and kube-proxy."""
FEW, MANY, MANY_CPUS = 110, 250, 30
"""Most pods of a node with up to 30 vCPUs, and of one with more: managed node groups let none have more."""
AUTO_MODE = 110
"""Most pods of a node of EKS Auto Mode."""


def most_pods(machines: Sequence[str], *, auto_mode: bool = False, threads: int | None = None) -> int:
    """What AWS recommends with prefix delegation, for nodes that may be of any of the machines: the least of those that are known.

    `threads` on each core; None is as EC2 starts the machines.
    """
    known = aws_machines()
    least = min(_of(known[name].with_threads(threads)) for name in machines if name in known)
    return min(least, AUTO_MODE) if auto_mode else least


def _of(machine: Machine) -> int:
    by_addresses = machine.cards[0].interfaces * (machine.addresses - 1) * (PREFIX if machine.nitro else 1) + HOST_NETWORKED
    return min(by_addresses, MANY if machine.vcpus > MANY_CPUS else FEW)


def prefixes(pods: int) -> int:
    """Prefixes that a node full of pods has, with the warm ones."""
    return -(-pods // PREFIX) + WARM
