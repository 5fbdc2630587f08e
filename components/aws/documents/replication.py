"""Policy statements by which S3 copies objects to another region."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pulumi

from components.aws.documents.statements import Statement, Text, allow

FROM_SOURCE = ("s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging")
OF_LOCKED = ("s3:GetObjectLegalHold", "s3:GetObjectRetention")
TO_REPLICA = ("s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags")


class End(NamedTuple):
    """One end of a copy: the bucket, the key of its objects, and the region of both."""

    bucket: Text
    key: Text
    region: str


def replicates(source: End, replica: End, *, locked: bool = False) -> tuple[Statement, ...]:
    """Read one bucket and write the other, each under its key, and nothing else; locks go along where the source is `locked`.

    Source: S3 user guide, "Setting up permissions for live replication", "Replicating encrypted objects" and "Object Lock considerations".
    The encryption context is the bucket where bucket keys are on, and the object where they were not yet.
    """
    return (
        allow(("s3:GetReplicationConfiguration", "s3:ListBucket"), [source.bucket]),
        allow((*FROM_SOURCE, *(OF_LOCKED if locked else ())), [_objects(source.bucket)]),
        allow(TO_REPLICA, [_objects(replica.bucket)]),
        allow(("kms:Decrypt",), [source.key], condition=_through(source)),
        allow(("kms:Encrypt", "kms:GenerateDataKey"), [replica.key], condition=_through(replica)),
    )


def _objects(bucket: Text) -> pulumi.Output[str]:
    return pulumi.Output.concat(bucket, "/*")


def _through(end: End) -> dict[str, Any]:
    context: Sequence[Text] = [end.bucket, _objects(end.bucket)]
    return {
        "StringEquals": {"kms:ViaService": f"s3.{end.region}.amazonaws.com"},
        "StringLike": {"kms:EncryptionContext:aws:s3:arn": list(context)},
    }
