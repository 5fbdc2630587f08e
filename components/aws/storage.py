"""The platform's buckets: versioned, encrypted with one key, closed to the public, reachable by TLS only."""

from components.aws.values import Days
from components.spec import Duration, Spec


class BucketArgs(Spec):
    """How long one bucket keeps what is put into it."""

    expire_after: Days | None = None
    """Age at which objects expire; absent keeps them."""
    keep_versions: Days = Duration("30d")
    """How long a replaced or deleted version can still be restored."""


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
