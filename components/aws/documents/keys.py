"""Who may use a key, and what its users need."""

from components.aws.documents.statements import Statement, Text, allow

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


def key_for_autoscaling(account: str) -> tuple[Statement, Statement]:
    """Let the account's Auto Scaling role start nodes whose disks are encrypted with the key.

    The role must exist, or the key is refused: EC2 makes it with an account's first Auto Scaling group, else
    `aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com` does.
    Source: EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted volumes".
    """
    role = f"arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    common = {"Effect": "Allow", "Principal": {"AWS": role}, "Resource": "*"}
    return (
        {"Sid": "NodeDisks", **common, "Action": list(USE_KEY)},
        {
            "Sid": "NodeDiskGrants",
            **common,
            "Action": "kms:CreateGrant",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    )


def volumes_key_use(key: Text) -> tuple[Statement, Statement]:
    """What the EBS CSI driver needs to make and attach volumes encrypted with a key."""
    return (
        allow(USE_KEY, [key], sid="UseKey"),
        allow(["kms:CreateGrant"], [key], sid="GrantKey", condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    )
