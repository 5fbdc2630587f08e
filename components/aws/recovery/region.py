"""The recovery region: what stands there, and what is copied to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pulumi

from components.aws.base import AwsComponent
from components.aws.capacity.pool_set import Evictions
from components.aws.cluster.args import ClusterArgs
from components.aws.network.endpoints import NODE_SERVICES
from components.aws.network.existing import ExistingNetworkArgs
from components.aws.network.vpc import NetworkArgs
from components.aws.recovery.args import RecoveryArgs
from components.aws.recovery.backups import DatabaseCopies
from components.aws.recovery.drill import RestoreTest
from components.aws.recovery.images import ImageReplicas
from components.aws.recovery.replicas import ReplicaStorage
from components.aws.recovery.standby import Standby
from components.aws.registry.database import Database
from components.aws.storage.bucket import Bucket
from components.aws.storage.retention import BucketArgs
from components.aws.values import Days
from components.contracts import Context
from components.kubernetes.addons.charts import MirrorArgs
from components.naming import Naming


@dataclass(frozen=True, slots=True)
class Home:
    """What is copied, and what the region is shaped after."""

    network: NetworkArgs | ExistingNetworkArgs
    cluster: ClusterArgs
    buckets: Mapping[str, tuple[Bucket, BucketArgs]]
    """The buckets to copy with their arguments, by role."""
    database: Database
    repositories: Mapping[str, str]
    """Physical name of each image repository, by role."""
    untagged_after: Days
    access_log_retention: Days
    mirror: MirrorArgs | None = None
    """Where the cluster's charts come from."""
    services: Sequence[str] = NODE_SERVICES
    """AWS services that are called from the network."""
    evictions: Evictions | None = None
    """What leaves nodes of each pool one by one, once endpoints are there."""


def recovery_context(home: Context, region: str) -> Context:
    """Names of the recovery region: a cluster there must not have the name of the site's, which trust policies go by."""
    naming = home.naming
    return replace(home, naming=Naming(naming.project, f"{naming.stack}-recovery", naming.account, region))


class RecoveryRegion(AwsComponent):
    """Everything that a recovery region holds. Its provider must be one of that region; `context` comes from `recovery_context`."""

    def __init__(self, name: str, args: RecoveryArgs, *, home: Home, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("RecoveryRegion", name, context, opts)
        self.storage = ReplicaStorage(
            f"{name}-storage",
            {role: bucket_args for role, (_, bucket_args) in home.buckets.items()},
            access_log_retention=home.access_log_retention,
            protect=args.protect,
            context=context,
            opts=self.child(),
        )
        for role, (source, _) in home.buckets.items():
            self.storage.watch(role, source, args.rpo, args.notify)
        copies = DatabaseCopies(f"{name}-database", home.database, protect=args.protect, context=context, opts=self.child())
        self.images = ImageReplicas(
            f"{name}-images",
            home.repositories,
            untagged_after=home.untagged_after,
            protect=args.protect,
            context=context,
            opts=self.child(),
        )
        standby = Standby(
            f"{name}-standby",
            args,
            home_network=home.network,
            home_cluster=home.cluster,
            mirror=home.mirror,
            evictions=home.evictions,
            services=home.services,
            context=context,
            opts=self.child(),
        )
        self.drill: RestoreTest | None = None
        if args.drill:
            self.drill = RestoreTest(
                f"{name}-drill",
                args.drill,
                key=copies.copies_key.arn,
                network=standby.network,
                notify=args.notify,
                protect=args.protect,
                context=context,
                opts=self.child(),
            )
        self.register_outputs({"buckets": {role: bucket.bucket for role, bucket in self.storage.buckets.items()}})
