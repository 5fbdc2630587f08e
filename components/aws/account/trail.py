"""CloudTrail: one trail of all regions, whose files nobody can change."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import pulumi

from components.aws.account.files import files
from components.aws.base import AwsComponent
from components.aws.documents.account import takes_trail
from components.aws.documents.statements import allow, document
from components.aws.documents.trust import trust_service_unconditionally
from components.aws.storage.bucket import Bucket, Store
from components.aws.storage.retention import BucketArgs, LockArgs
from components.aws.values import Days, LogRetention
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Many, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

ROLE = "trail"


class TrailArgs(Spec):
    """A CloudTrail trail of all regions with validated, encrypted files in a locked bucket."""

    data_events: Many[Literal["raw", "datasets", "features", "models", "checkpoints", "artifacts"]] = ("datasets", "models")
    """Buckets whose every read and write of an object is recorded; charged per event."""
    keep: Days = Duration("730d")
    """How long the files are kept in the bucket."""
    lock: Days = Duration("365d")
    """How long nobody may delete or change a file without s3:BypassGovernanceRetention; at most as long as `keep`."""
    log_retention: LogRetention = Duration("365d")
    """How long the same events can be searched in CloudWatch Logs."""
    protect: bool = True
    """Whether the bucket refuses deletion; false also lets a destroy empty it."""

    @rule("keep", "lock")
    def _locked_no_longer_than_kept(self) -> list[Problem]:
        if self.lock <= self.keep:
            return []
        return [Problem(("lock",), f"is longer than keep ({self.keep}): files would expire while they are locked; raise keep")]


def trail_name(context: Context) -> str:
    """The trail's name, which the bucket's and the key's policies need before there is a trail."""
    return context.naming.name(ROLE, limit=128)


def selectors(buckets: Mapping[str, Store]) -> Any:
    """All management events, and data events of objects in the buckets."""
    management = {"name": "management", "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}]}
    if not buckets:
        return [management]
    objects = {
        "name": "objects",
        "field_selectors": [
            {"field": "eventCategory", "equals": ["Data"]},
            {"field": "resources.type", "equals": ["AWS::S3::Object"]},
            {"field": "resources.ARN", "starts_withs": [pulumi.Output.concat(bucket.arn, "/") for bucket in buckets.values()]},
        ],
    }
    return [management, objects]


class AuditTrail(AwsComponent):
    """A trail, its bucket and its log group; `trail` is its ARN, `key` encrypts everything."""

    def __init__(
        self,
        name: str,
        args: TrailArgs,
        *,
        trail: str,
        key: "aws.kms.Key",
        buckets: Mapping[str, Store],
        access_logs: Bucket,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("AuditTrail", name, context, opts)
        logs = self.log_group("events", self.log_name(context), key, args.log_retention)
        bucket = files(
            self,
            ROLE,
            BucketArgs(expire_after=args.keep, lock=LockArgs(mode="governance", retain=args.lock)),
            key=key,
            access_logs=access_logs,
            protect=args.protect,
            takes=lambda arn: takes_trail(arn, self.account, trail),
        )
        writer = self.role(
            "writer",
            document(trust_service_unconditionally("cloudtrail.amazonaws.com")),
            inline=document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(logs.arn, ":*")])),
        )
        aws.cloudtrail.Trail(
            f"{name}-trail",
            name=trail_name(context),
            s3_bucket_name=bucket.bucket,
            kms_key_id=key.arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            cloud_watch_logs_group_arn=pulumi.Output.concat(logs.arn, ":*"),
            cloud_watch_logs_role_arn=writer.role.arn,
            advanced_event_selectors=selectors({role: buckets[role] for role in args.data_events}),
            tags=self.tags(ROLE),
            opts=self.child(bucket, *writer.ready),
        )
        self.register_outputs({"bucket": bucket.bucket})

    @staticmethod
    def log_name(context: Context) -> str:
        """The log group's name, which the key's policy names too."""
        return f"/groundwork/{context.naming.name(ROLE)}"
