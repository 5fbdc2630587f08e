"""Stack file of a platform on AWS, and the rules between its parts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from components.accelerators import aws_machines
from components.aws.alarms.topic import AlarmsArgs
from components.aws.cluster.args import AutoModeArgs, ClusterArgs, KarpenterArgs
from components.aws.identity.secrets import SecretsArgs
from components.aws.network.existing import ExistingNetworkArgs
from components.aws.network.vpc import NetworkArgs
from components.aws.recovery.args import RecoveryArgs
from components.aws.storage.args import StorageArgs
from components.aws.streams.args import StreamsArgs
from components.spec import Problem, rule
from infra.aws import (
    addresses,
    api_access,
    cluster_notes,
    cluster_rules,
    download_notes,
    evictions,
    given,
    node_room,
    recovery_rules,
    whereabouts,
)
from infra.aws.any_platform import AnyAwsPlatform
from infra.aws.capacity_rules import (
    CPU_POOLS,
    POOLS,
    blocks_over,
    images_held,
    images_pulled,
    images_run,
    machines_offered,
    replicas_in_one_zone,
    starters_there,
    untainted_in_one_zone,
    zones_of_site,
)
from infra.aws.services import services
from infra.aws.storage_rules import caches_shared, landed_is_readable, pools_in_the_zone
from infra.notes import Note
from infra.rules import alerts
from infra.rules.between import Node, overlapping
from infra.rules.endpoint_room import without_room

MADE, GIVEN = "made-here", "made-by-others"


def whose(data: Any) -> str:
    """Which of two models a part of a stack file is meant for: the one of what exists has the key `existing`."""
    exists = "existing" in data if isinstance(data, dict) else hasattr(data, "existing")
    return GIVEN if exists else MADE


AnyNetwork = Annotated[
    Annotated[NetworkArgs, Tag(MADE)] | Annotated[ExistingNetworkArgs, Tag(GIVEN)],
    Discriminator(whose),
]
"""A VPC that this stack makes, or one that others own."""


class AwsPlatform(AnyAwsPlatform):
    """A platform in one AWS account and region."""

    network: AnyNetwork
    """The VPC: one that is made, or an existing one."""
    cluster: ClusterArgs
    """The EKS cluster and its node pools."""
    storage: StorageArgs = StorageArgs()
    """The platform's buckets."""
    secrets: SecretsArgs | None = None
    """A prefix in Secrets Manager from which workloads of the stack may copy; absent is none."""
    alarms: AlarmsArgs | None = None
    """People who are told when a stream or a database needs them; absent makes no alarms."""
    streams: StreamsArgs | None = None
    """Records that arrive all the time, and the tables they become."""
    recovery: RecoveryArgs | None = None
    """Another region, to which data is copied and in which the platform can be brought up; absent is none."""

    @property
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""
        return self.cluster.pools.keys()

    @property
    def budget_pools(self) -> Iterable[str]:
        """Names of GPU pools and CPU pools."""
        return [*self.cluster.pools, *self.cluster.cpu_pools]

    def node(self, pool: str) -> Node | None:
        """What a node of the pool has, or None where the machine is not known."""
        args = self.cluster.pools[pool]
        machine = aws_machines().get(args.machine)
        if machine is None:
            return None
        machine = machine.with_threads(args.threads_per_core)
        nodes, share = sum(args.most), args.share
        gpus, memory = (share.per_node, share.memory_mib) if share else (machine.accelerators, machine.accelerator_memory_mib)
        sharing = share.contract if share else None
        own = Node(gpus, memory * 2**20, nodes, machine.vcpus, machine.memory_mib * 2**20, sharing, args.min)
        return node_room.readied(own, args, self.site.region, auto=isinstance(self.cluster.autoscaler, AutoModeArgs))

    def room(self, pool: str) -> Node | None:
        """What a node of the pool has, with what is taken of it before an endpoint comes."""
        args, node = self.cluster.pools[pool], self.node(pool)
        return replace(node, kept=node_room.taken(self.cluster, self.storage, self.operators, args, self.besides)) if node else None

    @property
    def tells(self) -> bool:
        """Whether there are alarms, which have a topic."""
        return self.alarms is not None

    @rule("alerts", "network")
    def _receivers_within_reach(self) -> Iterator[Problem]:
        yield from alerts.within_reach(self.alerts, closed=self.network.closed)

    def unadmitted(self, principal: str) -> str:
        """Why somebody cannot be a member of a team."""
        return cluster_rules.unadmitted(principal, self.cluster)

    def notes(self) -> Iterator[Note]:
        """Notes of the cluster and its pools."""
        leaving = evictions.of_pools(self.cluster.pools, self.endpoints)
        yield from cluster_notes.of_cluster(self.cluster, leaving, self.site.zones)
        yield from cluster_notes.of_addons(self.cluster, node_room.features(self.storage))
        yield from api_access.notes(self.network, self.cluster)
        yield from super().notes()
        if isinstance(self.network, ExistingNetworkArgs):
            yield Note("network", addresses.ASKED_OF_OTHERS)
            yield from download_notes.endpoints(self.network, services(self))
        yield from download_notes.notes(self.site, self.network, self.with_images)
        yield from download_notes.log_in(self.site, self.operators.mirror)
        if self.recovery:
            known = recovery_rules.copyable(self.storage, self.registry)
            yield from recovery_rules.promises(self.recovery, self.cluster.pools, known, tuple(self.endpoints.values()))
            yield from recovery_rules.not_copied(self.storage, self.recovery)

    def closed(self, now: datetime) -> Iterable[Problem]:
        """Capacity blocks that are over."""
        return blocks_over(self.cluster.pools, now)

    @rule("endpoints", "cluster", "storage", "operators", "account")
    def _endpoints_have_room(self) -> Iterator[Problem]:
        nodes = {pool: room for pool in self.pool_names if (room := self.room(pool))}
        yield from without_room(self.endpoints, nodes)

    @rule("site", "cluster")
    def _pool_zones(self) -> Iterator[Problem]:
        yield from zones_of_site(self.cluster.pools, self.site.zones)
        yield from zones_of_site(self.cluster.cpu_pools, self.site.zones, CPU_POOLS)
        if not isinstance(self.cluster.autoscaler, AutoModeArgs):
            yield from untainted_in_one_zone(self.cluster.cpu_pools, self.site.zones)

    @rule("site", "cluster")
    def _machines_offered(self) -> Iterator[Problem]:
        yield from machines_offered(self.cluster.pools, self.site.region, self.site.zones)
        yield from machines_offered(self.cluster.cpu_pools, self.site.region, self.site.zones, CPU_POOLS)

    @rule("cluster", "storage")
    def _addons_are_upgraded(self) -> Iterator[Problem]:
        yield from cluster_rules.addons_left_behind(self.cluster, node_room.features(self.storage))

    @rule("site", "cluster", "endpoints")
    def _replicas_in_one_zone(self) -> Iterator[Problem]:
        if not isinstance(self.cluster.autoscaler, AutoModeArgs):
            pools, zones = self.cluster.pools, self.site.zones
            yield from replicas_in_one_zone(pools, self.endpoints, zones)

    @rule("cluster")
    def _starters_there(self) -> Iterator[Problem]:
        yield from starters_there(self.cluster.pools, karpenter=isinstance(self.cluster.autoscaler, KarpenterArgs | AutoModeArgs))

    @rule("cluster")
    def _images_held(self) -> Iterator[Problem]:
        if not isinstance(self.cluster.autoscaler, AutoModeArgs):
            yield from images_held(self.cluster.pools, self.cluster.version, self.cluster.image_release)

    @rule("cluster")
    def _images_run(self) -> Iterator[Problem]:
        yield from images_run(self.cluster.pools, self.cluster.version, self.cluster.image_release)

    @rule("cluster")
    def _images_pulled(self) -> Iterator[Problem]:
        if not isinstance(self.cluster.autoscaler, AutoModeArgs):
            yield from images_pulled(self.cluster.pools, self.cluster.image_release)

    @rule("site", "cluster")
    def _deployed_from_the_account(self) -> Iterator[Problem]:
        yield from cluster_rules.deployed_from(self.site.account, self.cluster)

    @rule("site", "cluster")
    def _zone_ids_of_the_region(self) -> Iterator[Problem]:
        yield from whereabouts.zone_ids(self.cluster.pools, self.site.region, POOLS)
        yield from whereabouts.zone_ids(self.cluster.cpu_pools, self.site.region, CPU_POOLS)

    @rule("site", "network")
    def _given_subnets(self) -> Iterator[Problem]:
        if isinstance(self.network, ExistingNetworkArgs):
            yield from given.zones_of_site(self.network.existing, self.site.zones)

    @rule("network", "cluster")
    def _public_ranges(self) -> Iterator[Problem]:
        place = "network.existing.cidr" if isinstance(self.network, ExistingNetworkArgs) else "network.cidr"
        yield from overlapping(("cluster", "public_access"), self.cluster.public_access, {place: self.network.cidr})

    @rule("network", "cluster")
    def _api_server_reached(self) -> Iterator[Problem]:
        yield from api_access.of_cluster(self.network, self.cluster)

    @rule("site", "network", "cluster")
    def _addresses_suffice(self) -> Iterator[Problem]:
        if isinstance(self.network, NetworkArgs):
            yield from addresses.suffice(self.network.cidr, self.site.zones, self.cluster)

    @rule("registry", "recovery")
    def _recovery_has_something_to_copy(self) -> Iterator[Problem]:
        if self.recovery:
            yield from given.needs_database(self.registry, "recovery, which copies it to the other region")

    @rule("site", "network", "recovery")
    def _recovery_elsewhere(self) -> Iterator[Problem]:
        if self.recovery:
            yield from recovery_rules.place(self.site, self.network, self.recovery)

    @rule("network", "cluster", "recovery")
    def _recovery_reached(self) -> Iterator[Problem]:
        if self.recovery:
            yield from recovery_rules.reached(self.network, self.cluster, self.recovery)

    @rule("cluster", "recovery")
    def _recovery_capacity(self) -> Iterator[Problem]:
        if self.recovery:
            yield from recovery_rules.capacity(self.cluster.pools, self.recovery)

    @rule("storage", "registry", "endpoints", "recovery")
    def _recovery_copies(self) -> Iterator[Problem]:
        if self.recovery:
            yield from recovery_rules.buckets(recovery_rules.copyable(self.storage, self.registry), self.endpoints, self.recovery)

    @rule("endpoints", "recovery")
    def _recovery_objectives(self) -> Iterator[Problem]:
        if self.recovery:
            yield from recovery_rules.objectives(self.recovery, tuple(self.endpoints.values()))

    @rule("streams", "alarms")
    def _somebody_is_told(self) -> Iterator[Problem]:
        if self.streams and not self.alarms:
            yield Problem(("streams",), "would run late with nobody told: add alarms with the emails of who looks after them")

    @rule("storage", "endpoints")
    def _caches_are_shared(self) -> Iterator[Problem]:
        yield from caches_shared(self.storage, self.endpoints)

    @rule("streams", "storage")
    def _landed_is_readable(self) -> Iterator[Problem]:
        if self.streams:
            yield from landed_is_readable(self.storage)

    @rule("site", "network", "operators", "tracking", "endpoints")
    def _images_within_reach(self) -> Iterator[Problem]:
        yield from cluster_rules.images(self.site, self.network, self.with_images)

    @rule("site", "network", "cluster", "operators")
    def _charts_within_reach(self) -> Iterator[Problem]:
        yield from cluster_rules.mirror(self.site, self.network, self.operators, self.cluster)

    @rule("site", "cluster", "storage")
    def _scratch_where_it_is_used(self) -> Iterator[Problem]:
        if self.storage.scratch:
            pools = {name: pool.stated for name, pool in self.cluster.pools.items()}
            yield from pools_in_the_zone(self.storage.scratch, pools, self.site.zones)
