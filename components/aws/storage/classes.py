"""Storage classes of block volumes beside the cluster's default, for what asks for a rate of its own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import pulumi
from pydantic import Field

from components.aws.base import AwsComponent
from components.aws.cluster.eks import GpuCluster
from components.contracts import Context, StorageClass
from components.lazy import lazy
from components.spec import Spec

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")

DEFAULT = "gp3"
"""The cluster's default class."""
SHARED = "shared"
"""The class of the file system that pods of many nodes mount."""
TAKEN = (DEFAULT, SHARED)


class BlockClassArgs(Spec):
    """EBS volumes with provisioned IOPS (io2), each for the pods of one node."""

    iops: Annotated[int, Field(ge=100, le=256_000)]
    """I/O operations per second of each volume, as far as 1000 for each GiB of it go. Source: botocore, ec2, CreateVolume.Iops."""


class BlockClasses(AwsComponent):
    """The classes, which the cluster offers from then on; their volumes are encrypted under the cluster's key."""

    def __init__(
        self,
        name: str,
        classes: Mapping[str, BlockClassArgs],
        *,
        cluster: GpuCluster,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("BlockClasses", name, context, opts)
        for called, args in classes.items():
            made = k8s.storage.v1.StorageClass(
                f"{name}-{called}",
                metadata={"name": called, "labels": context.labels.kubernetes(name, "storage-class")},
                provisioner=cluster.volume_driver,
                parameters={"type": "io2", "iops": str(args.iops), "encrypted": "true", "kmsKeyId": cluster.cluster_key.arn},
                allow_volume_expansion=True,
                reclaim_policy="Delete",
                volume_binding_mode="WaitForFirstConsumer",
                opts=pulumi.ResourceOptions(parent=self, provider=cluster.kubernetes, depends_on=list(cluster.settled)),
            )
            cluster.storage_classes[called] = StorageClass(called, shared=False, ready=(made,))
        self.register_outputs({"classes": list(classes)})
