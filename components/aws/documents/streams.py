"""Policy statements of streams: putting, reading, delivering, and querying what was delivered."""

from dataclasses import dataclass

import pulumi

from components.aws.documents.statements import Statement, Text, allow
from components.aws.documents.stores import READ_OBJECTS, WRITE_OBJECTS

MULTIPART = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")


def through(service: str, region: str) -> dict[str, dict[str, str]]:
    """The condition that a key is used by way of a service only."""
    return {"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}}


@dataclass(frozen=True, slots=True)
class StreamArns:
    """What the statements of one stream name. `region` is where all of it is."""

    region: str
    stream: Text
    key: Text
    dead_letters: Text


@dataclass(frozen=True, slots=True)
class LakeArns:
    """What the statements of the lake name; `prefix` is where records lie in the bucket."""

    region: str
    bucket: Text
    bucket_key: Text
    prefix: str
    tables: tuple[str, ...]
    """ARNs of catalogue, database and tables."""


def produces(arns: StreamArns) -> tuple[Statement, ...]:
    """Put records, under the stream's key."""
    return (
        allow(["kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:PutRecord", "kinesis:PutRecords"], [arns.stream]),
        allow(["kms:GenerateDataKey"], [arns.key], condition=through("kinesis", arns.region)),
    )


def consumes(arns: StreamArns) -> tuple[Statement, ...]:
    """Read records, and put aside those that cannot be worked off."""
    reads = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")
    return (
        allow([f"kinesis:{action}" for action in reads], [arns.stream]),
        allow(["kms:Decrypt"], [arns.key], condition=through("kinesis", arns.region)),
        allow(["sqs:GetQueueUrl", "sqs:SendMessage"], [arns.dead_letters]),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [arns.key], condition=through("sqs", arns.region)),
    )


def delivers(arns: StreamArns, lake: LakeArns, failed: str, logs: str) -> tuple[Statement, ...]:
    """What Firehose needs: read the stream and the table's schema, write below the prefix (what failed below `failed`), tell its errors.

    Source: Firehose developer guide, "Grant Firehose access to an Amazon S3 destination" and "to AWS Glue for data format conversion".
    """
    return (
        allow([f"kinesis:{action}" for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListShards")], [arns.stream]),
        allow(["kms:Decrypt"], [arns.key], condition=through("kinesis", arns.region)),
        allow(MULTIPART, [lake.bucket]),
        allow(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [pulumi.Output.concat(lake.bucket, f"/{prefix}*") for prefix in (lake.prefix, failed)],
        ),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [lake.bucket_key], condition=through("s3", arns.region)),
        allow(["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], lake.tables),
        allow(["logs:PutLogEvents"], [f"{logs}:log-stream:*"]),
    )


def queries(lake: LakeArns, workgroup: str, results: Text, results_key: Text) -> tuple[Statement, ...]:
    """Query what streams delivered, in one workgroup, with results in one bucket."""
    runs = ("GetQueryExecution", "GetQueryResults", "GetWorkGroup", "StartQueryExecution", "StopQueryExecution")
    everything = pulumi.Output.concat(results, "/*")
    return (
        allow([f"athena:{action}" for action in runs], [workgroup]),
        allow([f"glue:{action}" for action in ("GetDatabase", "GetPartitions", "GetTable", "GetTables")], lake.tables),
        allow(["s3:GetBucketLocation", "s3:ListBucket"], [lake.bucket, results]),
        allow(READ_OBJECTS, [pulumi.Output.concat(lake.bucket, f"/{lake.prefix}*")]),
        allow(["s3:GetObject", *WRITE_OBJECTS], [everything]),
        allow(["kms:Decrypt"], [lake.bucket_key], condition=through("s3", lake.region)),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], [results_key], condition=through("s3", lake.region)),
    )
