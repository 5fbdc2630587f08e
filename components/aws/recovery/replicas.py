"""The copies of buckets: in the recovery region, under a key of that region, as closed as what they are copies of."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.storage.bucket import Bucket
from components.aws.storage.retention import BucketArgs
from components.aws.values import Days
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class ReplicaStorage(AwsComponent):
    """A bucket for each one that is copied, with the same retention, and one that takes the access logs of all of them."""

    def __init__(
        self,
        name: str,
        buckets: Mapping[str, BucketArgs],
        *,
        access_log_retention: Days,
        protect: bool,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ReplicaStorage", name, context, opts)
        self.protect = protect
        self.replica_key = self.key("storage", protect=protect)
        self.access_logs = self._bucket("access-logs", BucketArgs(expire_after=access_log_retention), None)
        self.buckets: Mapping[str, Bucket] = {role: self._bucket(role, args, self.access_logs) for role, args in buckets.items()}
        self.register_outputs({"buckets": {role: bucket.bucket for role, bucket in self.buckets.items()}})

    def _bucket(self, role: str, args: BucketArgs, access_logs: Bucket | None) -> Bucket:
        return Bucket(
            f"{self.prefix}-{role}",
            args,
            role=role,
            key=self.replica_key if access_logs else None,
            access_logs=access_logs,
            protect=self.protect,
            context=self.context,
            opts=self.child(),
        )

    def watch(self, role: str, source: Bucket, behind: Duration, notify: Sequence[str]) -> "aws.cloudwatch.MetricAlarm":
        """Raise an alarm when a copy is further behind than it may be.

        The metric is published in the region of the copy. Source: S3 user guide, "Using S3 Replication metrics".
        """
        return aws.cloudwatch.MetricAlarm(
            f"{self.prefix}-{role}-behind",
            name=self.context.naming.name(f"{role}-behind", limit=255),
            alarm_description=f"Objects of {role} reach the recovery region later than declared",
            namespace="AWS/S3",
            metric_name="ReplicationLatency",
            dimensions={"SourceBucket": source.bucket, "DestinationBucket": self.buckets[role].bucket, "RuleId": role},
            statistic="Maximum",
            period=60,
            evaluation_periods=5,
            comparison_operator="GreaterThanThreshold",
            threshold=behind.seconds,
            treat_missing_data="notBreaching",
            alarm_actions=list(notify),
            ok_actions=list(notify),
            tags=self.tags(),
            opts=self.child(),
        )
