"""One bucket with all that makes it safe: one bucket is eight resources, always the same eight, and a ninth where it is locked."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.statements import Statement, document
from components.aws.documents.stores import takes_access_logs, tls_only
from components.aws.keys import EncryptionKey
from components.aws.storage.given import GivenBucket
from components.aws.storage.retention import BucketArgs, GivenBucketArgs, LockArgs, lifecycle_rule
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

Grants = Callable[[pulumi.Output[str]], Sequence[Statement]]
"""Statements of a bucket's policy, given the bucket's ARN."""


class Bucket(AwsComponent):
    """A versioned, private, TLS-only bucket; satisfies components.contracts.ObjectStore.

    `role` is what it is called and for, which its tags say too. `key` encrypts it; without one S3 encrypts with its own, which is all
    that a target of access logs may have (source: S3 user guide, "Enabling Amazon S3 server access logging").
    `grants` lets services write into it, given its ARN. `protect` refuses deletion; without it a destroy empties the bucket.
    """

    def __init__(
        self,
        name: str,
        args: BucketArgs,
        *,
        role: str,
        key: EncryptionKey | None,
        access_logs: "Bucket | None",
        protect: bool,
        context: Context,
        grants: Grants | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Bucket", name, context, opts)
        self.encryption_key = key
        self.resource = aws.s3.Bucket(
            f"{name}-bucket",
            bucket=context.naming.globally(role),
            force_destroy=not protect,
            tags=self.tags(role, **{"groundwork:purpose": role}),
            opts=self.child(protect=protect),
        )
        self.bucket: pulumi.Output[str] = self.resource.bucket
        # Built from the name, so that the documents that hold it are whole in a first preview.
        self.arn: pulumi.Output[str] = pulumi.Output.concat("arn:aws:s3:::", self.bucket)
        self.copyable: Sequence[pulumi.Resource] = self._keep(args)
        self._encrypt()
        self._close((*self._takes_logs(access_logs is None), *(grants(self.arn) if grants else ())))
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

    def _takes_logs(self, target: bool) -> tuple[Statement, ...]:
        return (takes_access_logs(self.arn, self.account, f"arn:aws:s3:::{self.context.naming.every()}"),) if target else ()

    def _keep(self, args: BucketArgs) -> Sequence[pulumi.Resource]:
        """Make versions and their expiry; return what replication to or from the bucket needs first.

        Source: S3 user guide, "What does Amazon S3 replicate?" and "Object Lock considerations": both buckets
        have versions, and where the source has a lock, the destination has one.
        """
        versioning = aws.s3.BucketVersioning(
            f"{self.prefix}-versioning", bucket=self.bucket, versioning_configuration={"status": "Enabled"}, opts=self.child()
        )
        aws.s3.BucketLifecycleConfiguration(
            f"{self.prefix}-lifecycle", bucket=self.bucket, rules=[lifecycle_rule(args)], opts=self.child(versioning)
        )
        return (versioning, self._lock(args.lock, versioning)) if args.lock else (versioning,)

    def _lock(self, lock: LockArgs, versioning: pulumi.Resource) -> pulumi.Resource:
        """Lock objects by a setting of its own, which a bucket that exists takes too; the bucket's own flag would replace it."""
        return aws.s3.BucketObjectLockConfiguration(
            f"{self.prefix}-lock",
            bucket=self.bucket,
            object_lock_enabled="Enabled",
            rule={"default_retention": {"mode": lock.mode.upper(), "days": lock.retain.days}},
            opts=self.child(versioning),
        )

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


Store = Bucket | GivenBucket
"""A bucket of the site, whoever made it."""


def store(
    name: str,
    args: BucketArgs,
    *,
    role: str,
    key: EncryptionKey,
    access_logs: Bucket,
    protect: bool,
    context: Context,
    opts: pulumi.ResourceOptions,
    existing: GivenBucketArgs | None = None,
    grants: Grants | None = None,
) -> Store:
    """The existing bucket, or a new one."""
    if existing:
        return GivenBucket(existing.bucket, key=existing.key, region=context.naming.region)
    return Bucket(name, args, role=role, key=key, access_logs=access_logs, protect=protect, grants=grants, context=context, opts=opts)
