"""One bucket with all that makes it safe: one bucket is eight resources, always the same eight."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.statements import Statement, document
from components.aws.documents.stores import takes_access_logs, tls_only
from components.aws.values import Days
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

ABORT_UPLOADS_AFTER_DAYS = 7


class BucketArgs(Spec):
    """How long one bucket keeps what is put into it."""

    expire_after: Days | None = None
    """Age at which objects expire; absent keeps them."""
    keep_versions: Days = Duration("30d")
    """How long a replaced or deleted version can still be restored."""


def lifecycle_rule(args: BucketArgs) -> Any:
    """The one rule of a bucket: what expires, when old versions go, and that abandoned uploads do not stay."""
    expiration = {"days": args.expire_after.days} if args.expire_after else {"expired_object_delete_marker": True}
    return {
        "id": "retention",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": expiration,
        "noncurrent_version_expiration": {"noncurrent_days": args.keep_versions.days},
        "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_UPLOADS_AFTER_DAYS},
    }


class Bucket(AwsComponent):
    """A versioned, private, TLS-only bucket; satisfies components.contracts.ObjectStore.

    `key` encrypts it; without one S3 encrypts with its own, which is all that a target of access logs may have
    (source: S3 user guide, "Enabling Amazon S3 server access logging").
    `protect` refuses deletion; without it a destroy empties the bucket. `grants` lets services write into it, given its ARN; `lock` is
    for how long nobody may delete or change an object without s3:BypassGovernanceRetention.
    """

    def __init__(
        self,
        name: str,
        args: BucketArgs,
        *,
        role: str,
        key: "aws.kms.Key | None",
        access_logs: "Bucket | None",
        protect: bool,
        context: Context,
        grants: Callable[[pulumi.Output[str]], Sequence[Statement]] | None = None,
        lock: Duration | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Bucket", name, context, opts)
        self.encryption_key = key
        self._resource = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=context.naming.globally(role),
            force_destroy=not protect,
            object_lock_enabled=True if lock else None,
            tags=self.tags(role),
            opts=self.child(protect=protect),
        )
        self.bucket: pulumi.Output[str] = self._resource.bucket
        # Built from the name, so that the documents that hold it are whole in a first preview.
        self.arn: pulumi.Output[str] = pulumi.Output.concat("arn:aws:s3:::", self.bucket)
        self.versioned: pulumi.Resource = self._keep(args, lock)
        self._encrypt()
        self._close((*(() if access_logs else (self._takes_logs(),)), *(grants(self.arn) if grants else ())))
        if access_logs:
            aws.s3.BucketLogging(
                f"{name}-logging", bucket=self.bucket, target_bucket=access_logs.bucket, target_prefix=f"{role}/", opts=self.child()
            )
        self.register_outputs({"bucket": self.bucket})

    @property
    def uri(self) -> pulumi.Output[str]:
        """s3://<bucket>, without a trailing slash."""
        return pulumi.Output.concat("s3://", self.bucket)

    @property
    def environment(self) -> Mapping[str, pulumi.Input[str]]:
        """The region, in both spellings that S3 clients read."""
        return {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def _takes_logs(self) -> Statement:
        naming = self.context.naming
        return takes_access_logs(self.arn, self.account, f"arn:aws:s3:::{naming.project}-{naming.stack}-*")

    def _keep(self, args: BucketArgs, lock: Duration | None) -> pulumi.Resource:
        """Versions, and when they go; returns what turns versions on, for which replication must wait."""
        versioning = aws.s3.BucketVersioning(
            f"{self.prefix}-versioning", bucket=self.bucket, versioning_configuration={"status": "Enabled"}, opts=self.child()
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{self.prefix}-lifecycle", bucket=self.bucket, rules=[lifecycle_rule(args)], opts=self.child(versioning)
        )
        if lock:
            retention: Any = {"default_retention": {"mode": "GOVERNANCE", "days": lock.days}}
            aws.s3.BucketObjectLockConfiguration(f"{self.prefix}-lock", bucket=self.bucket, rule=retention, opts=self.child(versioning))
        return versioning

    def _encrypt(self) -> None:
        key = self.encryption_key
        default: Any = {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn} if key else {"sse_algorithm": "AES256"}
        aws.s3.BucketServerSideEncryptionConfiguration(
            f"{self.prefix}-encryption",
            bucket=self.bucket,
            rules=[{"apply_server_side_encryption_by_default": default, "bucket_key_enabled": key is not None}],
            opts=self.child(),
        )

    def _close(self, statements: Sequence[Statement]) -> None:
        """Nobody outside, no access lists, TLS only; in sequence, since S3 refuses concurrent changes of these."""
        block = aws.s3.BucketPublicAccessBlock(
            f"{self.prefix}-public-access",
            bucket=self.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child(),
        )
        policy = aws.s3.BucketPolicy(
            f"{self.prefix}-policy", bucket=self.bucket, policy=document(*tls_only(self.arn), *statements), opts=self.child(block)
        )
        aws.s3.BucketOwnershipControls(
            f"{self.prefix}-ownership", bucket=self.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=self.child(policy)
        )
