"""Notes on a platform's cluster on AWS, from its stack file alone. Pure functions."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.evictions import Eviction
from components.aws.capacity.plan import Capacity, CapacityBlock, ReservedCapacity, held, key_of
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.capacity.sharing import COUNTED
from components.aws.capacity.updating import consequences
from components.aws.cluster.addons import Feature
from components.aws.cluster.args import AutoModeArgs, ClusterArgs, KarpenterArgs
from components.aws.cluster.repair import Maker, warnings
from components.aws.cluster.upgrades import support, upgrade_path
from infra.aws.cluster_rules import unheld
from infra.notes import Note


def of_cluster(args: ClusterArgs, evictions: Mapping[str, Sequence[Eviction]], zones: Sequence[str]) -> Iterator[Note]:
    """Notes of the cluster itself; `evictions` says by pool what leaves its nodes one by one, `zones` are the site's."""
    if told := support(args.version):
        yield Note("cluster", told)
    for step in upgrade_path(args.upgrade_from, args.version) if args.upgrade_from else ():
        yield Note("cluster", f"upgrade to {step.minor}: {'; '.join(step.actions)}")
    for name, plain in args.cpu_pools.items():
        yield Note(f"pool {name}", cpu_pool(plain))
    auto = isinstance(args.autoscaler, AutoModeArgs)
    for name, pool in args.pools.items():
        maker: Maker = "node-pool" if auto or pool.karpenter else "node-group"
        updates = consequences(pool, evictions.get(name, ()), zones) if maker == "node-group" else ()
        told_of = (capacity_plan(pool, auto=auto), *paid_last(pool), *shared(pool, auto=auto), *behind(pool, args.version), *updates)
        yield from (Note(f"pool {name}", text) for text in told_of)
        if repaired(args, maker):
            yield from (Note(f"pool {name}", text) for text in warnings(pool, maker))


def of_addons(args: ClusterArgs, features: Collection[Feature]) -> Iterator[Note]:
    """Note the managed add-ons that stay at the version that EKS makes them with."""
    if left := unheld(args, features):
        text = f"no version is held of {', '.join(left)}: each is made at the default of Kubernetes"
        text += f" {args.version} and stays there, even when the cluster is upgraded; "
        yield Note("cluster", f"{text}`groundwork lookup --write` fills versions in")


def cpu_pool(pool: CpuPoolArgs) -> str:
    """How a CPU pool's nodes are bought, and who may run there."""
    machines = " or ".join((pool.machine, *pool.machines))
    who = "pods that tolerate its taint" if pool.taint else "any pod"
    order = ", then ".join(f"{way} up to {pool.max}" for way in pool.capacity)
    return f"{machines} for {who}, {pool.min} to {sum(pool.most)} nodes: {order}"


def behind(pool: GpuPoolArgs, version: str) -> Iterator[str]:
    """That nodes stay at an older version than the control plane, where they do."""
    if pool.version and pool.version != version:
        yield f"nodes stay at Kubernetes {pool.version} while the control plane is at {version}"


def repaired(args: ClusterArgs, maker: Maker) -> bool:
    """Whether broken nodes are replaced; only Karpenter has to be told."""
    return maker == "node-group" or not isinstance(args.autoscaler, KarpenterArgs) or args.autoscaler.node_repair


def capacity_plan(pool: GpuPoolArgs, *, auto: bool = False) -> str:
    """How a pool's nodes are bought, in the order in which it is tried, and how many of them are held already."""
    order = ", then ".join(f"{_bought(c)} up to {most}" for c, most in zip(pool.capacity, pool.most, strict=True))
    own = sum(min(most, held(c) or 0) for c, most in zip(pool.capacity, pool.most, strict=True))
    machines = " or ".join((pool.machine, *pool.machines))
    maker = "Auto Mode" if auto else "Karpenter" if pool.karpenter else "node groups"
    return f"{machines} by {maker}, {pool.min} to {sum(pool.most)} nodes, {own} of them held: {order}"


def paid_last(pool: GpuPoolArgs) -> Iterator[str]:
    """What is paid for already and stands behind something that is bought anew."""
    bought = ""
    for capacity in pool.capacity:
        if held(capacity) is None:
            bought = bought or str(capacity)
        elif bought:
            text = f"{bought} is preferred over {_bought(capacity)}, which is paid for whether nodes run in it or not"
            yield f"{text}: put it before {bought}, unless it is to be kept free"


def _bought(capacity: Capacity) -> str:
    if isinstance(capacity, ReservedCapacity):
        which = key_of(capacity) if isinstance(capacity.reserved, str) else "by " + capacity.reserved.model_dump_json()
        return f"reserved {which} in {capacity.zone}"
    if isinstance(capacity, CapacityBlock):
        return f"block {capacity.block} in {capacity.zone} from {capacity.start} to {capacity.end}"
    return capacity


def shared(pool: GpuPoolArgs, *, auto: bool = False) -> Iterator[str]:
    """What follows for those who run or watch pods on shared GPUs; nothing where they are not shared."""
    if share := pool.share:
        yield f"{share.contract.kind} gives each GPU {share.contract.shares} shares of {share.memory_mib / 1024:.4g}GiB"
        yield from share.contract.consequences
        if auto or pool.karpenter:
            yield COUNTED
