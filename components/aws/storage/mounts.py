"""Buckets as read-only volumes, through Mountpoint for Amazon S3."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import pulumi
from pydantic import Field

from components.aws.base import AwsComponent
from components.aws.cluster.eks import GpuCluster
from components.aws.documents.statements import Statement
from components.aws.documents.stores import bucket_access
from components.aws.storage.buckets import ObjectStorage
from components.contracts import Context, SharedVolume
from components.kubernetes.manifests import USER
from components.kubernetes.volumes import Source, persistent_volume
from components.lazy import lazy
from components.spec import Many, Name, Spec

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")

Mounted = Literal["raw", "datasets", "features", "models"]
NOMINAL = "1Ti"
"""Kubernetes wants a size of every volume; a bucket has none."""


class MountArgs(Spec):
    """Who may mount a bucket, and what of it."""

    namespaces: Annotated[Many[Name], Field(min_length=1)]
    """Namespaces whose pods may mount it; each gets a volume kept for its claim, which is called like the bucket's purpose."""
    prefix: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]+/)*$")] = ""
    """Key prefix in the bucket, ending in a slash; "" is all of it."""


def mount_rights(mounts: Mapping[Mounted, MountArgs], storage: ObjectStorage, region: str) -> Sequence[Statement]:
    """What the driver needs to read the mounted buckets. Raises TypeError for a bucket without a key of its own."""
    found: list[Statement] = []
    for purpose, args in mounts.items():
        bucket = storage.buckets[purpose]
        if bucket.encryption_key is None:
            raise TypeError(f"{purpose} has no key")
        found += bucket_access(bucket.arn, bucket.encryption_key.arn, region, "read", args.prefix)
    return found


class BucketMounts(AwsComponent):
    """A read-only volume of each mounted bucket for each namespace that may read it; the driver's identity reads for all of them."""

    def __init__(
        self,
        name: str,
        mounts: Mapping[Mounted, MountArgs],
        *,
        cluster: GpuCluster,
        storage: ObjectStorage,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("BucketMounts", name, context, opts)
        self.volumes = {purpose: self._volume(purpose, args, storage, cluster) for purpose, args in mounts.items()}
        self.register_outputs({})

    def _volume(self, purpose: Mounted, args: MountArgs, storage: ObjectStorage, cluster: GpuCluster) -> SharedVolume:
        naming = self.context.naming
        names = {namespace: naming.name(f"{self.prefix}-{purpose}-{namespace}") for namespace in args.namespaces}
        volume = SharedVolume(purpose, names, NOMINAL, "ReadOnlyMany")
        options = ("read-only", f"region {self.region}", "allow-other", f"uid={USER}", f"gid={USER}")
        below = (f"prefix {args.prefix}",) if args.prefix else ()
        for namespace, name in names.items():
            source = Source("s3.csi.aws.com", name, {"bucketName": storage.buckets[purpose].bucket}, (*options, *below))
            labels = self.context.labels.kubernetes(self.prefix, "volume")
            k8s.core.v1.PersistentVolume(
                f"{self.prefix}-{purpose}-{namespace}",
                opts=pulumi.ResourceOptions(parent=self, provider=cluster.kubernetes),
                **persistent_volume(volume, source, namespace=namespace, name=name, labels=labels),
            )
        return volume
