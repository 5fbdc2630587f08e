"""Version rules of a stack file, by the version matrix: the step of an upgrade, nodes that stay behind, add-ons, CUDA.

Pure functions. Source for kube-proxy: Kubernetes, Version Skew Policy: never newer than the API server, three minors older at the most.
"""

from collections.abc import Iterator, Mapping

from components.accelerators import aws_machines
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.compatibility import cuda_problems, image_for
from components.aws.cluster.upgrades import MOST_BEHIND, skew_problems, upgrade_problems
from components.aws.cluster.versions import minors, number
from components.spec import Problem


def of_upgrade(running: str | None, wanted: str) -> Iterator[Problem]:
    """A problem when the cluster cannot go from the minor that runs to the one that is wanted in one update."""
    for text in upgrade_problems(running, wanted) if running else ():
        yield Problem(("version",), text)


def of_nodes(pools: Mapping[str, GpuPoolArgs], version: str, *, auto_mode: bool) -> Iterator[Problem]:
    """A problem for each pool whose nodes cannot stay at the minor that it names."""
    for name, pool in pools.items():
        if pool.version is None:
            continue
        place = ("pools", name, "version")
        if pool.karpenter is not None or auto_mode:
            by = "Auto Mode" if auto_mode else "Karpenter"
            yield Problem(
                place, f"is held, and {by} starts nodes of the control plane's version: remove it, or let node groups make the pool"
            )
        elif pool.version not in minors():
            yield Problem(place, f"is not in the version matrix, which has {', '.join(minors())}: name one of these")
        else:
            yield from (Problem(place, text) for text in skew_problems(version, pool.version))


def of_proxy(held: str, version: str) -> Iterator[Problem]:
    """A problem when the version of kube-proxy, one of Kubernetes, does not go with the control plane; "" is what EKS chooses."""
    minor = ".".join(held.removeprefix("v").split(".")[:2])
    behind = number(version) - number(minor) if held else 0
    if behind < 0 or behind > MOST_BEHIND:
        how = "newer than" if behind < 0 else f"{behind} minors behind, more than {MOST_BEHIND},"
        yield Problem(("addons", "kube-proxy"), f"is {how} the control plane's {version}: hold a version that begins with v{version}.")


def of_cuda(pools: Mapping[str, GpuPoolArgs], version: str, release: str | None) -> Iterator[Problem]:
    """A problem for each pool whose containers are built for a newer CUDA than the drivers of its nodes know."""
    for name, pool in pools.items():
        machine = aws_machines().get(pool.machine)
        if pool.cuda is None or machine is None:
            continue
        place = ("pools", name, "cuda")
        if machine.neuron:
            yield Problem(place, f"is stated, and {machine.name} has {machine.accelerator}, which runs no CUDA: remove it")
            continue
        try:
            image = image_for(machine, pool.family)
        except ValueError:
            continue  # the pool's own rule tells it
        found = cuda_problems(pool.cuda, image, pool.version or version, pool.held(release))
        yield from (Problem(place, text) for text in found)
