"""Limits of EKS Auto Mode: what it cannot do of what a stack file may ask of a cluster. Pure functions.

Source: AWS EKS user guide, "Learn about Amazon EKS Auto Mode Managed instances" and "Create a Node Class for Amazon EKS", read 2026-11-26;
"Manage EFA devices on Amazon EKS", which recommends managed node groups for interfaces of one's own, read 2026-11-30.
"""

from collections.abc import Iterable, Iterator

from components.aws.capacity import threads
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.density import AUTO_MODE
from components.aws.capacity.plan import GroupedReservations, ReservedCapacity
from components.aws.capacity.pool_args import PoolArgs
from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.cluster.addons import ADDONS
from components.spec import Problem

FAMILIES = frozenset(
    "p6-b200 p6-b300 p5 p5e p5en p4d p4de p3dn g7e g6 gr6 g6e g5g g5 g4dn g4ad inf2 inf1 trn1 trn1n trn2".split()  # noqa: SIM905
)
"""Families of accelerated machines that Auto Mode starts."""
TOO_SMALL = ("nano", "micro", "small")
BUILT_IN = frozenset(addon.name for addon in ADDONS if addon.feature is None)
"""Add-ons whose work Auto Mode does itself."""
IN_ITS_ZONE = "Auto Mode starts each node in the zone that its pods need"
OTHERWISE = "set cluster.autoscaler to {kind: karpenter}"


def of_cluster(addons: Iterable[str], image_release: str | None, system: SystemPoolArgs) -> Iterator[Problem]:
    """What the cluster as a whole asks in vain."""
    for name in addons:
        if name in BUILT_IN:
            yield Problem(("addons", name), "is part of Auto Mode, which keeps it up to date by itself: remove it")
    if image_release:
        yield Problem(("image_release",), f"is held, and Auto Mode chooses node images itself: remove it, or {OTHERWISE}")
    if system.pods:
        yield Problem(("system", "pods"), f"is {system.pods}, and Auto Mode chooses it, {AUTO_MODE} at most: remove it")
    if system.desired is not None:
        text = "is stated, and Auto Mode starts nodes as pods ask for them: remove it"
        yield Problem(("system", "desired"), text)
    if "min" in system.model_fields_set:
        yield Problem(("system", "min"), "is stated, and Auto Mode keeps no node that no pod needs: remove it")
    if system.machine.rpartition(".")[2] in TOO_SMALL:
        yield Problem(
            ("system", "machine"), "is too small for Auto Mode, which starts nodes from medium on: take a larger one, such as m7i.large"
        )


def of_cpu_pool(pool: CpuPoolArgs) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What a CPU pool asks in vain, by path within the pool."""
    for index, machine in enumerate((pool.machine, *pool.machines)):
        if machine.rpartition(".")[2] in TOO_SMALL:
            place: tuple[str | int, ...] = ("machines", index - 1) if index else ("machine",)
            yield place, "is too small for Auto Mode, which starts nodes from medium on: take a larger one"
    for field in ("min", "desired"):
        if stated := getattr(pool, field):
            yield (field,), f"is {stated}, and Auto Mode keeps no node that no pod needs: remove it"
    if pool.group_per_zone:
        yield ("group_per_zone",), f"is true, and {IN_ITS_ZONE}: remove it"
    if pool.pods:
        text = f"is {pool.pods}, and Auto Mode chooses how many pods a node takes, {AUTO_MODE} at most"
        yield ("pods",), f"{text}: remove it"
    yield from _threads(pool)


def of_pool(pool: GpuPoolArgs) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What a pool asks in vain, by path within the pool."""
    family = pool.machine.partition(".")[0]
    if family not in FAMILIES:
        yield ("machine",), f"is not started by Auto Mode, which has {', '.join(sorted(FAMILIES))}: take one of these, or {OTHERWISE}"
    if pool.image_release:
        yield ("image_release",), f"is held, and Auto Mode chooses node images itself: remove it, or {OTHERWISE}"
    if pool.fabric == "efa":
        text = "is efa, and node classes of Auto Mode choose neither the interfaces nor the placement group of such nodes"
        yield ("fabric",), f"{text}: set fabric: none, or {OTHERWISE}"
    if pool.placement == "cluster":
        yield ("placement",), f"is cluster, and node classes of Auto Mode name no placement group: set placement: none, or {OTHERWISE}"
    if pool.group_per_zone:
        yield ("group_per_zone",), f"is true, and {IN_ITS_ZONE}: remove it"
    if pool.desired:
        text = f"is {pool.desired}, and Auto Mode starts nodes as pods ask for them: remove it"
        yield ("desired",), text
    yield from _threads(pool)
    if pool.image:
        yield ("image",), f"is chosen, and Auto Mode chooses node images itself: remove it, or {OTHERWISE}"
    if pool.sharing:
        yield ("sharing",), f"is stated, and Auto Mode announces whole accelerators only: remove it, or {OTHERWISE}"
    if pool.pods:
        yield ("pods",), f"is {pool.pods}, and Auto Mode chooses how many pods a node takes, {AUTO_MODE} at most: remove it"
    if pool.scratch is not None:
        yield ("scratch",), "is chosen, and Auto Mode stripes local disks wherever they are larger than disk: remove it"
    if "image_pull" in pool.model_fields_set:
        text = "is chosen, and Auto Mode fetches images in parallel by itself on machines of G, P and Trn with local disks: remove it"
        yield ("image_pull",), text
    if pool.min and not (pool.karpenter and pool.karpenter.static):
        yield ("min",), f"is {pool.min}, and Auto Mode keeps no node that no pod needs: set min: 0, or karpenter: {{static: true}}"
    for index, capacity in enumerate(pool.capacity):
        if isinstance(capacity, ReservedCapacity) and isinstance(capacity.reserved, GroupedReservations):
            text = "selects by resource group, which node classes cannot: name tags of the reservations, or the id of one"
            yield ("capacity", index, "reserved"), text


def _threads(pool: PoolArgs) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if pool.threads_per_core is not None:
        text = f"is {pool.threads_per_core}, and {threads.AUTO_MODE}: remove it, or {OTHERWISE}"
        yield (threads.FIELD,), text
