"""The platform's buckets: versioned, encrypted with one key, closed to the public, reachable by TLS only."""

from collections.abc import Mapping

import pulumi

from components.aws.base import AwsComponent
from components.aws.storage.bucket import Bucket, BucketArgs
from components.aws.values import Days
from components.contracts import Context
from components.spec import Duration, Spec


class StorageArgs(Spec):
    """The platform's bucket set."""

    datasets: BucketArgs = BucketArgs()
    """Versioned training and evaluation data."""
    models: BucketArgs = BucketArgs()
    """Model weights as they are served."""
    checkpoints: BucketArgs = BucketArgs(expire_after=Duration("30d"), keep_versions=Duration("7d"))
    """Training checkpoints."""
    access_log_retention: Days = Duration("365d")
    """How long S3 access logs of all buckets are kept."""
    protect: bool = True
    """Whether the buckets and their key refuse deletion; false also lets a destroy empty the buckets."""


class ObjectStorage(AwsComponent):
    """Buckets for datasets, models and checkpoints, one key for all, and one bucket that takes their access logs."""

    def __init__(self, name: str, args: StorageArgs, *, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ObjectStorage", name, context, opts)
        self.args = args
        self.key_resource = self.key("storage", protect=args.protect)
        self.access_logs = self._access_logs()
        self.datasets = self._bucket("datasets", args.datasets)
        self.models = self._bucket("models", args.models)
        self.checkpoints = self._bucket("checkpoints", args.checkpoints)
        self.buckets: Mapping[str, Bucket] = {"datasets": self.datasets, "models": self.models, "checkpoints": self.checkpoints}
        self.register_outputs({"models": self.models.bucket})

    def _access_logs(self) -> Bucket:
        retention = BucketArgs(expire_after=self.args.access_log_retention)
        return Bucket(
            f"{self.prefix}-access-logs",
            retention,
            role="access-logs",
            key=None,
            access_logs=None,
            protect=self.args.protect,
            context=self.context,
            opts=self.child(),
        )

    def _bucket(self, role: str, args: BucketArgs) -> Bucket:
        return Bucket(
            f"{self.prefix}-{role}",
            args,
            role=role,
            key=self.key_resource,
            access_logs=self.access_logs,
            protect=self.args.protect,
            context=self.context,
            opts=self.child(),
        )
