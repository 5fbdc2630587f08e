"""What alarms need to reach the people they are for."""

from components.aws.documents.statements import Statement, Text


def key_for_alarms(account: str, region: str) -> Statement:
    """Let CloudWatch alarms of the account publish to a topic that is encrypted with the key.

    Source: CloudWatch user guide, "Notifying users on alarm changes", topics with server-side encryption.
    """
    return {
        "Sid": "Alarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:*"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }


def alarms_publish(topic: Text, account: str, region: str) -> tuple[Statement, Statement]:
    """Let CloudWatch alarms of the account, and nobody without TLS, publish to a topic."""
    return (
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:*"},
                "StringEquals": {"aws:SourceAccount": account},
            },
        },
        {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )
