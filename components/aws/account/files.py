"""Buckets for the files of guard rails: each under the account's key, open to one service."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.statements import Statement
from components.aws.storage.bucket import Bucket
from components.aws.storage.retention import BucketArgs

if TYPE_CHECKING:
    import pulumi_aws as aws


def files(
    owner: AwsComponent,
    role: str,
    args: BucketArgs,
    *,
    key: "aws.kms.Key",
    access_logs: Bucket,
    protect: bool,
    takes: Callable[[pulumi.Output[str]], Sequence[Statement]],
) -> Bucket:
    """The bucket `<owner>-files`, called `role`; `takes` are statements that let its service write, given the bucket's ARN."""
    return Bucket(
        f"{owner.prefix}-files",
        args,
        role=role,
        key=key,
        access_logs=access_logs,
        protect=protect,
        grants=takes,
        context=owner.context,
        opts=owner.child(),
    )
