"""Addresses of a made VPC: whether they suffice for the pods of its cluster. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence

from components.accelerators import aws_machines
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.density import AUTO_MODE, MANY, PREFIX, prefixes
from components.aws.capacity.plan import zones_for
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.args import AutoModeArgs, ClusterArgs
from components.aws.network.subnets import plan_subnets
from components.spec import Problem

ASKED_OF_OTHERS = (
    "pods get whole prefixes of 16 addresses: ask the owners of the private subnets to keep free ranges with reservations of type prefix"
)
"""What a platform needs of subnets that it did not make."""


def suffice(cidr: str, zones: Sequence[str], cluster: ClusterArgs) -> Iterator[Problem]:
    """A problem for each zone whose prefixes are too few for the nodes that its pools may grow to, each full of pods.

    Nodes of a pool spread evenly over its zones, which is what autoscaling groups see to.
    """
    named = {cluster.system.machine, *(name for pool in _pools(cluster).values() for name in (pool.machine, *pool.machines))}
    for zone in plan_subnets(cidr, zones) if named <= aws_machines().keys() else ():
        wanted = _wanted(zone.zone, zones, cluster)
        have = sum(block.num_addresses for block in zone.prefixes) // PREFIX
        if (total := sum(nodes * each for nodes, each in wanted.values())) > have:
            parts = ", ".join(f"{name} {nodes} x {each}" for name, (nodes, each) in wanted.items())
            place = f"{zone.zone}, three quarters of {zone.private}"
            text = f"keeps {have} prefixes of {PREFIX} addresses for pods in {place}, and nodes full of pods need {total} ({parts})"
            fix = f"take a wider range, lower max, or set pods of a pool: 110 make {prefixes(110)} a node, 30 make {prefixes(30)}"
            yield Problem(("network", "cidr"), f"{text}: {fix}")


def _wanted(zone: str, zones: Sequence[str], cluster: ClusterArgs) -> Mapping[str, tuple[int, int]]:
    """Nodes in a zone, and prefixes of each, by pool."""
    cap = AUTO_MODE if isinstance(cluster.autoscaler, AutoModeArgs) else MANY
    found = {"system": (-(-cluster.system.max // len(zones)), prefixes(min(cap, cluster.system.most_pods)))}
    for name, pool in _pools(cluster).items():
        if nodes := _nodes(pool, zone, zones):
            found[name] = (nodes, prefixes(min(cap, pool.most_pods)))
    return found


def _pools(cluster: ClusterArgs) -> Mapping[str, GpuPoolArgs | CpuPoolArgs]:
    """All pools beside that of the system, by name."""
    return {**cluster.pools, **cluster.cpu_pools}


def _nodes(pool: GpuPoolArgs | CpuPoolArgs, zone: str, zones: Sequence[str]) -> int:
    """Most nodes of a pool in a zone, over all ways in which they are bought."""
    places = [(most, zones_for(way, pool.stated or zones)) for way, most in zip(pool.capacity, pool.most, strict=True)]
    return sum(-(-most // len(where)) for most, where in places if zone in where)
