"""Policy statements of alarms: topics, keys, and the services that publish to them."""

from collections.abc import Sequence

from components.aws.documents.statements import Statement, Text, allow, allow_service
from components.aws.documents.streams import through


def _allow_alarms(actions: str | Sequence[str], resource: Text, account: str, region: str) -> Statement:
    source = f"arn:aws:cloudwatch:{region}:{account}:alarm:*"
    return allow_service("cloudwatch.amazonaws.com", actions, resource, sid="Alarms", account=account, source=source)


def key_for_alarms(account: str, region: str) -> Statement:
    """Let CloudWatch alarms of the account publish to a topic that is encrypted with the key.

    Source: CloudWatch user guide, "Notifying users on alarm changes", topics with server-side encryption.
    """
    return _allow_alarms(["kms:Decrypt", "kms:GenerateDataKey*"], "*", account, region)


def alarms_publish(topic: Text, account: str, region: str) -> tuple[Statement, Statement]:
    """Let CloudWatch alarms of the account, and nobody without TLS, publish to a topic."""
    return (
        _allow_alarms("sns:Publish", topic, account, region),
        {
            "Sid": "OnlyTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    )


def alerts_publish(topic: Text, key: Text, region: str) -> tuple[Statement, Statement]:
    """Let Alertmanager publish to a topic that is encrypted with the key.

    Source: SNS developer guide, "Enabling compatibility between event sources and encrypted topics".
    """
    return (
        allow(["sns:Publish"], [topic]),
        allow(["kms:Decrypt", "kms:GenerateDataKey*"], [key], condition=through("sns", region)),
    )
