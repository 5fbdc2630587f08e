"""Policy statements of the account's guard rails: services that write logs, records and alerts, and the keys they do it with."""

import pulumi

from components.aws.documents.statements import Statement, Text, allow_service


def trail_arn(account: str, region: str, name: str) -> str:
    """The ARN of a trail, which is known before the trail is: its bucket and its key name it."""
    return f"arn:aws:cloudtrail:{region}:{account}:trail/{name}"


def key_for_trail(account: str, trail: str) -> tuple[Statement, Statement]:
    """Let CloudTrail encrypt the log files of one trail.

    Source: CloudTrail user guide, "Configure AWS KMS key policies for CloudTrail"; Decrypt is for buckets that use a bucket key.
    """
    common = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}, "Resource": "*"}
    here = {"aws:SourceArn": trail}
    encrypts = {"kms:EncryptionContext:aws:cloudtrail:arn": f"arn:aws:cloudtrail:*:{account}:trail/*"}
    return (
        {
            "Sid": "TrailEncrypts",
            **common,
            "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
            "Condition": {"StringEquals": here, "StringLike": encrypts},
        },
        {"Sid": "TrailLooks", **common, "Action": "kms:DescribeKey", "Condition": {"StringEquals": here}},
    )


def key_for_services(account: str, *services: str) -> Statement:
    """Let services write what is encrypted with the key, on behalf of this account only."""
    return {
        "Sid": "ServicesWrite",
        "Effect": "Allow",
        "Principal": {"Service": list(services)},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def takes_trail(bucket: Text, account: str, trail: str) -> tuple[Statement, Statement]:
    """Let one trail write into a bucket. Source: CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail"."""
    common = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    here = {"aws:SourceArn": trail}
    return (
        {"Sid": "TrailLooks", **common, "Action": "s3:GetBucketAcl", "Resource": bucket, "Condition": {"StringEquals": here}},
        {
            "Sid": "TrailWrites",
            **common,
            "Action": "s3:PutObject",
            "Resource": pulumi.Output.concat(bucket, f"/AWSLogs/{account}/*"),
            "Condition": {"StringEquals": {**here, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    )


def takes_records(bucket: Text, account: str) -> tuple[Statement, Statement]:
    """Let AWS Config of this account write into a bucket.

    Source: AWS Config developer guide, "Permissions for the Amazon S3 Bucket for the AWS Config Delivery Channel".
    """
    common = {"Effect": "Allow", "Principal": {"Service": "config.amazonaws.com"}}
    own = {"aws:SourceAccount": account}
    return (
        {
            "Sid": "ConfigLooks",
            **common,
            "Action": ["s3:GetBucketAcl", "s3:ListBucket"],
            "Resource": bucket,
            "Condition": {"StringEquals": own},
        },
        {
            "Sid": "ConfigWrites",
            **common,
            "Action": "s3:PutObject",
            "Resource": pulumi.Output.concat(bucket, f"/AWSLogs/{account}/Config/*"),
            "Condition": {"StringEquals": {**own, "s3:x-amz-acl": "bucket-owner-full-control"}},
        },
    )


def takes_alerts(topic: Text, account: str) -> tuple[Statement, Statement]:
    """Let budgets of this account, and rules of EventBridge, publish to a topic.

    EventBridge sends no source with what it publishes: its statement has no condition. A rule of another
    account delivers by a role of its own, which the policy does not name. Source: Cost Management user
    guide, "Creating an Amazon SNS topic for budget notifications"; EventBridge user guide, "Using
    resource-based policies", Amazon SNS, and "Sending events to an AWS service in another account".
    """
    budgets = f"arn:aws:budgets::{account}:*"
    return (
        allow_service(
            "budgets.amazonaws.com",
            "sns:Publish",
            topic,
            sid="BudgetsPublish",
            account=account,
            source=budgets,
        ),
        {
            "Sid": "FindingsPublish",
            "Effect": "Allow",
            "Action": "sns:Publish",
            "Resource": topic,
            "Principal": {"Service": "events.amazonaws.com"},
        },
    )
