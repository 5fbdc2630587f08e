"""Judgements between the accelerator pools of a cluster and where it stands. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from components.accelerators import aws_machines
from components.aws.capacity import pulling
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.image_releases import never_published
from components.aws.capacity.plan import CapacityBlock
from components.aws.capacity.pool_values import dated
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.compatibility import release_problems
from components.catalogue.offerings import not_offered, where_offered
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.spec import Problem

POOLS = ("cluster", "pools")


CPU_POOLS = ("cluster", "cpu_pools")
AnyPool = GpuPoolArgs | CpuPoolArgs


def zones_of_site(pools: Mapping[str, AnyPool], zones: Sequence[str], place: tuple[str, ...] = POOLS) -> Iterator[Problem]:
    """A problem for each zone, of a pool or of what it holds, that the site does not have."""
    text = f"is not a zone of the site, which has {', '.join(zones)}: choose one of these, or add it to site.zones"
    for name, pool in pools.items():
        for index, zone in enumerate(pool.zones):
            if zone not in zones:
                yield Problem((*place, name, "zones", index), text)
        for index, capacity in enumerate(pool.capacity):
            if not isinstance(capacity, str) and capacity.zone not in zones:
                yield Problem((*place, name, "capacity", index, "zone"), text)


def machines_offered(pools: Mapping[str, AnyPool], region: str, zones: Sequence[str], under: tuple[str, ...] = POOLS) -> Iterator[Problem]:
    """A problem for each machine that is known not to be offered in a zone where nodes of its pool may start."""
    for name, pool in pools.items():
        where = pool.stated or zones
        for place, machine in [(("machine",), pool.machine), *((("machines", i), m) for i, m in enumerate(pool.machines))]:
            if missing := not_offered(machine, region, where):
                text = f"is not offered in {', '.join(missing)}, as far as is known: it is in {where_offered(machine, region)}; choose "
                yield Problem((*under, name, *place), f"{text}zones of these with zones, another machine, or another region")
        for index, capacity in enumerate(pool.capacity):
            if not isinstance(capacity, str) and capacity.zone_id and not_offered(pool.machine, region, [capacity.zone_id]):
                text = f"is where {pool.machine} is not offered, as far as is known: it is in {where_offered(pool.machine, region)}"
                yield Problem((*under, name, "capacity", index, "zone_id"), f"{text}; look up the zone of the reservation")


def replicas_in_one_zone(
    pools: Mapping[str, GpuPoolArgs],
    endpoints: Mapping[str, InferenceEndpointArgs],
    zones: Sequence[str],
) -> Iterator[Problem]:
    """Refuse replicas of several nodes on a node group that spans zones; `zones` are the site's.

    All nodes of a replica stand in one zone, and the autoscaler imagines the next node of a group over
    several zones in one of them, while EC2 starts it in any.
    """
    for name, endpoint in endpoints.items():
        pool = pools.get(endpoint.pool)
        if pool is None or endpoint.nodes == 1 or pool.karpenter is not None:
            continue
        where, place = pool.stated or tuple(zones), (*POOLS, endpoint.pool)
        asked = f"and each replica of endpoint {name} is {endpoint.nodes} nodes of one zone"
        if len(where) > 1 and not pool.group_per_zone:
            text = f"are {', '.join(where)}, {asked}: name one zone, or set group_per_zone: true"
            yield Problem((*place, "zones"), text)
        elif len(where) > 1 and (least := min(pool.most) // len(where)) < endpoint.nodes:
            text = f"leaves {least} nodes to a zone, {asked}: set max: {endpoint.nodes * len(where)}"
            yield Problem((*place, "max"), f"{text} or more, or name fewer zones")


def untainted_in_one_zone(pools: Mapping[str, CpuPoolArgs], zones: Sequence[str]) -> Iterator[Problem]:
    """Refuse an untainted node group over several zones: a pod with a block volume may land there."""
    for name, pool in pools.items():
        if not pool.taint and not pool.group_per_zone and len(pool.stated or zones) > 1:
            text = "is false, so pods with block volumes may run there, and the group spans zones"
            yield Problem((*CPU_POOLS, name, "taint"), f"{text}: set group_per_zone: true, or taint: true")


def starters_there(pools: Mapping[str, GpuPoolArgs], *, karpenter: bool) -> Iterator[Problem]:
    """A problem for each pool whose nodes Karpenter is to start where there is none."""
    for name, pool in pools.items():
        if pool.karpenter is not None and not karpenter:
            text = "is stated, and the cluster has no Karpenter: set cluster.autoscaler to {kind: karpenter}, or remove it"
            yield Problem((*POOLS, name, "karpenter"), text)


def images_held(pools: Mapping[str, GpuPoolArgs], version: str, release: str | None) -> Iterator[Problem]:
    """A problem for each image of another Kubernetes version, and for each that Karpenter would have to choose by itself."""
    for name, pool in pools.items():
        own, minor = pool.image_release, pool.version or version
        if own and dated(own) and not own.startswith(f"{minor}."):
            whose = "nodes'" if pool.version else "cluster's"
            text = f"is of another Kubernetes version than the {whose} {minor}: name a release that begins with {minor}."
            yield Problem((*POOLS, name, "image_release"), text)
        for text in never_published(own) if own and dated(own) else ():
            yield Problem((*POOLS, name, "image_release"), text)
        if pool.karpenter is not None and not pool.held(release):
            text = (
                "is missing, and Karpenter would take whatever image is newest: state it here, or for the cluster where it is Bottlerocket"
            )
            yield Problem((*POOLS, name, "image_release"), text)


def images_run(pools: Mapping[str, GpuPoolArgs], version: str, release: str | None) -> Iterator[Problem]:
    """A problem for each pool whose held image release has no driver for its GPUs."""
    for name, pool in pools.items():
        machine = aws_machines().get(pool.machine)
        place = ("image_release",) if pool.image_release else ("machine",)
        for text in release_problems(machine, pool.family, pool.version or version, pool.held(release)) if machine else ():
            yield Problem((*POOLS, name, *place), f"has no driver: {text}")


def images_pulled(pools: Mapping[str, GpuPoolArgs], release: str | None) -> Iterator[Problem]:
    """A problem for each pool whose nodes cannot fetch images in parallel, though they should."""
    for name, pool in pools.items():
        if pool.image_pull == "parallel":
            machines = [known.with_threads(pool.threads_per_core) for name in pool.types if (known := aws_machines().get(name))]
            by_karpenter = pool.karpenter is not None
            found = pulling.problems(machines, pool.family, pool.held(release), nvme=pool.striped, karpenter=by_karpenter)
            yield from (Problem((*POOLS, name, field if getattr(pool, field) else "image_pull"), text) for field, text in found)


def blocks_over(pools: Mapping[str, GpuPoolArgs], now: datetime) -> Iterator[Problem]:
    """A problem for each capacity block that starts no node any more at `now`."""
    for name, pool in pools.items():
        for index, capacity in enumerate(pool.capacity):
            if isinstance(capacity, CapacityBlock) and (text := capacity.over(now)):
                yield Problem((*POOLS, name, "capacity", index, "end"), text)
