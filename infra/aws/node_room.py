"""Room of a pool's node for endpoints: what its system and daemon sets leave, and how soon it is ready. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from components.accelerators import aws_machines
from components.aws.capacity import pulling
from components.aws.capacity.gpu_operator import gpu_operator
from components.aws.capacity.node_plan import paged
from components.aws.capacity.plan import CapacityBlock
from components.aws.capacity.plugins import plugins
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.capacity.room import kept
from components.aws.cluster.addons import Feature, wanted
from components.aws.cluster.args import AutoModeArgs, ClusterArgs
from components.aws.storage.args import StorageArgs
from components.catalogue.prices import anywhere
from components.kubernetes.addons.charts import Chart
from components.kubernetes.addons.footprint import NodeKind, Pods, managed, on_node, pods_of
from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.addons.table import table
from components.kubernetes.serving.coldstart import speed
from infra.rules.between import Node

SYSTEM, DAEMONS = "its system", "daemon sets"


def features(storage: StorageArgs) -> frozenset[Feature]:
    """What a platform's storage asks of its cluster."""
    asked: dict[Feature, object] = {"efs": storage.shared, "lustre": storage.scratch, "mountpoint": storage.mounts}
    return frozenset(feature for feature, by in asked.items() if by)


def operated(operators: OperatorsArgs) -> Iterator[Pods]:
    """Pods of the operators that a stack installs."""
    for name in operators.install:
        yield from _of_chart(name, table()[name])


def installed(cluster: ClusterArgs, storage: StorageArgs, operators: OperatorsArgs) -> Iterator[Pods]:
    """Pods of all that is installed on a cluster and stands on its accelerated nodes; what Auto Mode has built in is no pod."""
    yield from operated(operators)
    auto = isinstance(cluster.autoscaler, AutoModeArgs)
    for addon in wanted(features(storage), auto_mode=auto):
        yield from managed(addon.name)
    if not auto:
        pools = {name: pool for name, pool in cluster.pools.items() if pool.machine in aws_machines()}
        for chart in (*plugins(pools.values()), *(chart for chart, _ in gpu_operator(pools))):
            yield from _of_chart(chart.name, chart)


def _of_chart(name: str, chart: Chart) -> tuple[Pods, ...]:
    return pods_of(name, chart.footprint, chart.values)


def kinds(pool: GpuPoolArgs) -> list[NodeKind]:
    """The kinds of daemon sets that nodes of a pool have."""
    devices: NodeKind = "neuron" if aws_machines()[pool.machine].neuron else "nvidia"
    return [devices, "efa"] if pool.fabric == "efa" else [devices]


def taken(
    cluster: ClusterArgs, storage: StorageArgs, operators: OperatorsArgs, pool: GpuPoolArgs, besides: Sequence[Pods] = ()
) -> Mapping[str, tuple[int, int]]:
    """Millicores and MiB of a pool's node that endpoints do not get, by who has them; `besides` are pods of others."""
    machine = aws_machines()[pool.machine].with_threads(pool.threads_per_core)
    return {
        SYSTEM: kept(machine, pods=pool.most_pods, fabric=pool.fabric == "efa" and paged(pool)),
        DAEMONS: on_node([*installed(cluster, storage, operators), *besides], kinds(pool)),
    }


def readied(own: Node, pool: GpuPoolArgs, region: str, *, auto: bool) -> Node:
    """A node with how soon it is ready and what it costs: how many may be kept, how fast it fetches images, its list price."""
    machine, price = aws_machines()[pool.machine], anywhere(pool.machine, region)
    parallel = speed("bottlerocket" if auto else pool.family)
    used = pulling.by_auto_mode(machine) if auto else pool.image_pull == "parallel"
    kept = pool.karpenter is None and not auto and not isinstance(pool.capacity[0], CapacityBlock)
    return replace(
        own,
        keeps=pool.most[0] if kept else 0,
        hourly=price[0].usd_per_hour if price else None,
        priced=price[1] if price else "",
        fetches=parallel if used else speed("serial"),
        faster=None if auto else parallel,
    )
