"""Retention of a bucket: how long it keeps objects, in which tiers, and whether anybody may delete them before."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from components.aws.keys import GivenKeyArn
from components.aws.values import BucketName, Days
from components.given import Given
from components.spec import Duration, Problem, Spec, rule

Tier = Literal["intelligent-tiering", "glacier-instant", "glacier", "deep-archive"]
TIERS: dict[Tier, str] = {
    "intelligent-tiering": "INTELLIGENT_TIERING",
    "glacier-instant": "GLACIER_IR",
    "glacier": "GLACIER",
    "deep-archive": "DEEP_ARCHIVE",
}
"""Storage classes as S3 spells them, in the only order in which objects move.

Source: S3 user guide, "Transitioning objects using Amazon S3 Lifecycle", supported transitions.
"""
RESTORED_BEFORE_READ: tuple[Tier, ...] = ("glacier", "deep-archive")
"""Classes whose objects cannot be read until someone restores them. Source: the same."""
ABORT_UPLOADS_AFTER_DAYS = 7


class LockArgs(Spec):
    """Write once, read many: versions of objects that nobody deletes or overwrites for a time."""

    mode: Literal["governance", "compliance"]
    """Who may end it early: governance lets roles with s3:BypassGovernanceRetention, compliance nobody, not even the account's root."""
    retain: Days
    """How long each new version is kept."""


class GivenBucketArgs(Spec):
    """A bucket that exists, and the key that it is encrypted with. Neither is modified."""

    bucket: Annotated[BucketName, Given("aws:s3/bucket:Bucket", "bucket")]
    """Name of the bucket; it must be in the site's region."""
    key: GivenKeyArn
    """ARN of the KMS key of its default encryption, whose policy must let the account's IAM policies grant its use."""


class BucketArgs(Spec):
    """How long one bucket keeps what is put into it, and where."""

    expire_after: Days | None = None
    """Age at which objects expire; absent keeps them."""
    keep_versions: Days = Duration("30d")
    """How long a replaced or deleted version can still be restored."""
    tiers: dict[Tier, Days] = {}
    """Age at which objects move to a cheaper class: intelligent-tiering, glacier-instant, glacier, deep-archive, in this order."""
    lock: LockArgs | None = None
    """Whether new versions are locked against deletion. A lock can be lengthened later, never taken off a bucket that had one."""

    @rule("tiers", "expire_after")
    def _downwards(self) -> Iterator[Problem]:
        last, before = 0, "an earlier class"
        for tier in (tier for tier in TIERS if tier in self.tiers):
            days = self.tiers[tier].days
            if days <= last:
                yield Problem(
                    ("tiers", tier), f"is {days}d, but objects reach {before} at {last}d: give a greater age, or drop one of them"
                )
            last, before = max(days, last), tier
        if self.expire_after and last >= self.expire_after.days:
            text = f"is {self.expire_after}, and objects move to {before} at {last}d: expire them later, or drop that class"
            yield Problem(("expire_after",), text)

    @rule("lock", "expire_after")
    def _lock_ends_first(self) -> Iterator[Problem]:
        if self.lock and self.expire_after and self.lock.retain.days > self.expire_after.days:
            text = f"is {self.lock.retain}, longer than expire_after ({self.expire_after}), which then frees nothing: make it no longer"
            yield Problem(("lock", "retain"), text)


def lifecycle_rule(args: BucketArgs) -> Any:
    """The one rule of a bucket: where objects move, what expires, when old versions go, and that abandoned uploads do not stay."""
    expiration = {"days": args.expire_after.days} if args.expire_after else {"expired_object_delete_marker": True}
    moves = [{"days": args.tiers[tier].days, "storage_class": TIERS[tier]} for tier in TIERS if tier in args.tiers]
    return {
        "id": "retention",
        "status": "Enabled",
        "filter": {"prefix": ""},
        **({"transitions": moves} if moves else {}),
        "expiration": expiration,
        "noncurrent_version_expiration": {"noncurrent_days": args.keep_versions.days},
        "abort_incomplete_multipart_upload": {"days_after_initiation": ABORT_UPLOADS_AFTER_DAYS},
    }
