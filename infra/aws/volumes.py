"""File systems and mounted buckets of a platform on AWS, as its workloads claim them."""

from collections.abc import Mapping

import pulumi

from components.aws.cluster.eks import GpuCluster
from components.aws.network.facts import NetworkFacts
from components.aws.storage.buckets import ObjectStorage
from components.aws.storage.classes import BlockClasses
from components.aws.storage.lustre import LustreFileSystem
from components.aws.storage.mounts import BucketMounts
from components.aws.storage.shared import SharedFiles
from components.contracts import Context, SharedVolume
from infra.aws.platform import AwsPlatform


def volumes(
    platform: AwsPlatform,
    *,
    network: NetworkFacts,
    cluster: GpuCluster,
    storage: ObjectStorage,
    context: Context,
    opts: pulumi.ResourceOptions,
) -> tuple[Mapping[str, SharedVolume], SharedFiles | None]:
    """Make what the stack file asks for: volumes by the name of the claim, and the file system that classes of the cluster stand for."""
    args, made = platform.storage, []
    files: SharedFiles | None = None
    if args.volumes:
        BlockClasses("volumes", args.volumes, cluster=cluster, context=context, opts=opts)
    if args.scratch:
        lustre = LustreFileSystem(
            "scratch", args.scratch, protect=args.protect, network=network, cluster=cluster, storage=storage, context=context, opts=opts
        )
        made.append(lustre.volume)
    if args.mounts:
        made += BucketMounts("mounts", args.mounts, cluster=cluster, storage=storage, context=context, opts=opts).volumes.values()
    if args.shared:
        files = SharedFiles(
            "shared",
            args.shared,
            protect=args.protect,
            network=network,
            cluster=cluster,
            storage=storage,
            planned=bool(platform.recovery and platform.recovery.drill),
            context=context,
            opts=opts,
        )
    return {volume.claim: volume for volume in made}, files
