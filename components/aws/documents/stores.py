"""Policy statements of stores: buckets, secrets, images."""

import json
from collections.abc import Mapping
from typing import Literal

import pulumi

from components.aws.documents.statements import Statement, Text, allow, allow_service

Access = Literal["read", "write"]

READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
WRITE_OBJECTS = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")


def tls_only(bucket: Text) -> tuple[Statement, Statement]:
    """Refuse requests to a bucket that are not over TLS 1.2 or newer."""
    common = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, pulumi.Output.concat(bucket, "/*")],
    }
    return (
        {"Sid": "OnlyTls", **common, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "OnlyTls12", **common, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    )


def takes_access_logs(bucket: Text, account: str, sources: str) -> Statement:
    """Let S3 deliver access logs of the account's buckets whose ARN matches `sources`."""
    objects = pulumi.Output.concat(bucket, "/*")
    return allow_service("logging.s3.amazonaws.com", "s3:PutObject", objects, sid="AccessLogs", account=account, source=sources)


def takes_deliveries(bucket: Text, account: str, region: str) -> tuple[Statement, Statement]:
    """Let services of AWS deliver their logs of this account and region, and leave the bucket's owner in possession of them.

    Source: CloudWatch Logs user guide, "Logs sent to Amazon S3", bucket policy.
    """
    service, source = "delivery.logs.amazonaws.com", f"arn:aws:logs:{region}:{account}:*"
    objects = pulumi.Output.concat(bucket, "/AWSLogs/", account, "/*")
    writes = allow_service(service, "s3:PutObject", objects, sid="LogDeliveryWrite", account=account, source=source)
    handed_over = {**writes["Condition"]["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}
    return (
        allow_service(service, "s3:GetBucketAcl", bucket, sid="LogDeliveryAclCheck", account=account, source=source),
        {**writes, "Condition": {**writes["Condition"], "StringEquals": handed_over}},
    )


def mounts_by_tls(file_system: Text) -> tuple[Statement, Statement]:
    """Let whoever reaches a mount target of a file system mount and write, nobody by another way, and nobody without TLS.

    Source: EFS user guide, "Resource-based policy examples".
    """
    common = {"Principal": {"AWS": "*"}, "Resource": file_system}
    return (
        {
            "Sid": "MountsFromTheNetwork",
            "Effect": "Allow",
            **common,
            "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
            "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
        },
        {"Sid": "OnlyTls", "Effect": "Deny", **common, "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    )


def bucket_access(bucket: Text, key: Text, region: str, access: Access, prefix: str = "") -> tuple[Statement, ...]:
    """What a workload needs to read, or read and write, one bucket below a key prefix ("" is all of it).

    Uploads in progress are listed only where the whole bucket is granted: S3 knows no s3:prefix of that
    request. Source: Service Authorization Reference, Amazon S3, ListBucketMultipartUploads.
    """
    objects = pulumi.Output.concat(bucket, f"/{prefix}*")
    listed = {"StringLike": {"s3:prefix": f"{prefix}*"}} if prefix else None
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    writes = access == "write"
    listing = ["s3:ListBucket"]
    if writes and not prefix:
        listing.append("s3:ListBucketMultipartUploads")
    return (
        allow(listing, [bucket], condition=listed),
        allow([*READ_OBJECTS, *WRITE_OBJECTS] if writes else READ_OBJECTS, [objects]),
        allow(["kms:Decrypt", "kms:GenerateDataKey"] if writes else ["kms:Decrypt"], [key], condition=through_s3),
    )


def secret_read(secret: Text, key: Text, region: str) -> tuple[Statement, Statement]:
    """What External Secrets needs to read one secret."""
    return (
        allow(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], [secret]),
        allow(["kms:Decrypt"], [key], condition={"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}),
    )


def untagged_expiry(days: int, keep: int | None = None) -> str:
    """A lifecycle policy of an image repository: images without a tag go after some days, the oldest beyond `keep` at once."""
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    rules = [_expiry(1, f"untagged images go after {days} days", untagged)]
    if keep:
        rules.append(
            _expiry(2, f"the newest {keep} images stay", {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": keep})
        )
    return json.dumps({"rules": rules}, sort_keys=True)


def _expiry(priority: int, description: str, selection: Mapping[str, object]) -> dict[str, object]:
    return {"rulePriority": priority, "description": description, "selection": selection, "action": {"type": "expire"}}
