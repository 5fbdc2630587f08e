"""Policy documents and the statements they are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

Statement = Mapping[str, Any]
Document = pulumi.Input[str]
Text = pulumi.Input[str]


def document(*statements: Statement) -> pulumi.Output[str]:
    """The statements as one policy document in JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def allow(actions: Sequence[str], resources: Sequence[Text], *, sid: str = "", condition: Mapping[str, Any] | None = None) -> Statement:
    """Allow actions on resources."""
    named = {"Sid": sid} if sid else {}
    conditional = {"Condition": condition} if condition else {}
    return {**named, "Effect": "Allow", "Action": list(actions), "Resource": list(resources), **conditional}


def allow_service(service: str, actions: str | Sequence[str], resource: Text, *, sid: str, account: str, source: str) -> Statement:
    """Let a service of AWS act on a resource by the resource's own policy, for things of the account whose ARN matches `source`."""
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": actions,
        "Resource": resource,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source}},
    }
