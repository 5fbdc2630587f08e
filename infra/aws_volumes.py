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
from infra.aws_platform import AwsPlatform


def shared_files(
    platform: AwsPlatform,
    *,
    network: NetworkFacts,
    cluster: GpuCluster,
    storage: ObjectStorage,
    context: Context,
    opts: pulumi.ResourceOptions,
) -> SharedFiles | None:
    """Make the file system that many nodes mount, if the stack file asks for one; its class is one of the cluster's from then on."""
    kept = platform.storage
    if kept.shared is None:
        return None
    return SharedFiles(
        "shared", kept.shared, protect=kept.protect, network=network, cluster=cluster, storage=storage, context=context, opts=opts
    )


def volumes(
    platform: AwsPlatform,
    *,
    network: NetworkFacts,
    cluster: GpuCluster,
    storage: ObjectStorage,
    context: Context,
    opts: pulumi.ResourceOptions,
) -> Mapping[str, SharedVolume]:
    """Make what the stack file asks for; volumes by the name of the claim, classes in the cluster's own."""
    args, made = platform.storage, []
    if args.volumes:
        BlockClasses("volumes", args.volumes, cluster=cluster, context=context, opts=opts)
    if args.scratch:
        lustre = LustreFileSystem(
            "scratch", args.scratch, protect=args.protect, network=network, cluster=cluster, storage=storage, context=context, opts=opts
        )
        made.append(lustre.volume)
    if args.mounts:
        made += BucketMounts("mounts", args.mounts, cluster=cluster, storage=storage, context=context, opts=opts).volumes.values()
    return {volume.claim: volume for volume in made}
