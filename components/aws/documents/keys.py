"""Key policies: administrators, users, and what users need."""

from collections.abc import Sequence

import pulumi

from components.aws.documents.statements import Statement, Text, allow, allow_service

MANAGE_KEY = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
"""What managing a key takes, without any use of it. Source: KMS developer guide, "Allows key administrators to administer the KMS key"."""
TURN_KEY = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
"""What reads or writes under a key."""
USE_KEY = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def key_owner(account: str) -> Statement:
    """Let the account's IAM policies govern the key, so that it can never be locked out."""
    return {
        "Sid": "AccountGoverns",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def key_administrators(roles: Sequence[str]) -> tuple[Statement, ...]:
    """Let roles manage a key and deny them its use, themselves or by a grant; nothing without roles.

    The denial holds against every other policy, so that who can change a key's policy leaves a trace before reading data.
    """
    if not roles:
        return ()
    common = {"Principal": {"AWS": list(roles)}, "Resource": "*"}
    return (
        {"Sid": "Administrators", "Effect": "Allow", **common, "Action": list(MANAGE_KEY)},
        {"Sid": "AdministratorsDoNotUse", "Effect": "Deny", **common, "Action": list(TURN_KEY)},
        {
            "Sid": "AdministratorsGrantToServices",
            "Effect": "Deny",
            **common,
            "Action": "kms:CreateGrant",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "false"}},
        },
    )


def key_users(roles: Sequence[str], account: str, region: str, services: Sequence[str]) -> tuple[Statement, ...]:
    """Let roles use a key through services of the region, such as s3; never the key by itself. Nothing without roles."""
    if not roles:
        return ()
    through = {"kms:CallerAccount": account, "kms:ViaService": [f"{service}.{region}.amazonaws.com" for service in services]}
    return (
        {
            "Sid": "Users",
            "Effect": "Allow",
            "Principal": {"AWS": list(roles)},
            "Action": list(USE_KEY),
            "Resource": "*",
            "Condition": {"StringEquals": through},
        },
    )


def key_for_deliveries(account: str, region: str) -> Statement:
    """Let the services of AWS that deliver logs to the account's buckets write under the key.

    Source: CloudWatch Logs user guide, "Logs sent to Amazon S3", server-side encryption with a customer managed key.
    """
    source = f"arn:aws:logs:{region}:{account}:*"
    return allow_service("delivery.logs.amazonaws.com", list(USE_KEY), "*", sid="LogDelivery", account=account, source=source)


def key_for_lustre(account: str, region: str, buckets: Sequence[Text]) -> Statement:
    """Let FSx for Lustre read and write objects of linked buckets whose default encryption is the key.

    FSx acts through a service-linked role of each file system, which exists only after the file system, hence the pattern. With
    bucket keys the encryption context is the bucket.
    Source: FSx for Lustre user guide, "Working with server-side encrypted Amazon S3 buckets".
    """
    role = f"arn:aws:iam::{account}:role/aws-service-role/s3.data-source.lustre.fsx.amazonaws.com/AWSServiceRoleForFSxS3Access_fs-*"
    return {
        "Sid": "LustreLinks",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(USE_KEY),
        "Resource": "*",
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": role},
            "StringEquals": {"kms:CallerAccount": account, "kms:ViaService": f"s3.{region}.amazonaws.com"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": [*buckets, *(pulumi.Output.concat(bucket, "/*") for bucket in buckets)]},
        },
    }


def key_for_logs(account: str, region: str, log_group_pattern: str) -> Statement:
    """Let CloudWatch Logs of the region use the key for log groups of one name pattern."""
    return {
        "Sid": "Logs",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": list(USE_KEY),
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:{log_group_pattern}"}},
    }


def key_for_events() -> Statement:
    """Let EventBridge send to topics and queues that are encrypted with the key.

    There is no condition on the source: AWS documents aws:SourceAccount and aws:SourceArn as not
    supported for encrypted topics, and shows none for encrypted queues. The policy of the topic or queue
    says who may send to it. Source: SNS developer guide, "Managing Amazon SNS encryption keys",
    compatibility with event sources; EventBridge user guide, "Troubleshooting", events that are not
    delivered to an encrypted queue or topic.
    """
    return {
        "Sid": "Events",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
    }


def key_for_autoscaling(account: str) -> tuple[Statement, Statement]:
    """Let the account's Auto Scaling role start nodes whose disks are encrypted with the key.

    A condition names the role, since KMS refuses a principal that does not exist, and the role exists only after an account's first
    node group. The account as principal would not do: it lets IAM policies grant, and that of the role grants nothing of KMS.
    Sources: EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted volumes"; KMS developer guide, "Default
    key policy", on the account as principal; terraform-aws-eks#3013 and terraform-aws-kms#30 for the refusal; AWS managed policy
    AutoScalingServiceRolePolicy v10.
    """
    role = f"arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    common = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Resource": "*"}
    who = {"ArnEquals": {"aws:PrincipalArn": role}, "StringEquals": {"kms:CallerAccount": account}}
    return (
        {"Sid": "NodeDisks", **common, "Action": list(USE_KEY), "Condition": who},
        {
            "Sid": "NodeDiskGrants",
            **common,
            "Action": "kms:CreateGrant",
            "Condition": {**who, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    )


def volumes_key_use(key: Text) -> tuple[Statement, Statement]:
    """What the EBS CSI driver needs to make and attach volumes encrypted with a key."""
    return (
        allow(USE_KEY, [key], sid="UseKey"),
        allow(["kms:CreateGrant"], [key], sid="GrantKey", condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    )
