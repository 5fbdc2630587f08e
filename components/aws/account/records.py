"""AWS Config recorder: what the account holds and how it changed, where that is delivered, and the rules it is held to."""

from typing import TYPE_CHECKING, Literal

import pulumi

from components.aws.account.conformance import pack
from components.aws.account.files import files
from components.aws.base import AwsComponent
from components.aws.documents.account import takes_records
from components.aws.storage.bucket import Bucket
from components.aws.storage.retention import BucketArgs
from components.aws.values import Days
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Many, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

Concern = Literal["cluster", "images", "data", "database", "keys", "network", "identity", "audit", "notebooks"]
WITHOUT_REGION: tuple[Concern, ...] = ("identity",)
"""Concerns that are judged once, wherever the site is."""
SNAPSHOTS = {"1h": "One_Hour", "6h": "Six_Hours", "24h": "TwentyFour_Hours"}


class RecordsArgs(Spec):
    """An AWS Config recorder of all in the site's region, and in that of `recovery`, with the conformance pack of an ML platform."""

    leave_out: Many[Concern] = ()
    """Concerns whose rules are not in the pack, such as those another pack of the organisation judges already."""
    snapshots: Literal["1h", "6h", "24h"] = "24h"
    """How often the whole inventory is delivered to the bucket."""
    keep: Days = Duration("2555d")
    """How long records are kept in the bucket."""
    protect: bool = True
    """Whether the bucket refuses deletion; false also lets a destroy empty it."""


class ConfigurationRecords(AwsComponent):
    """The one recorder and the one delivery channel that an account may have in a region, and the pack.

    Its role is AWS Config's service-linked one, which must exist: `aws iam create-service-linked-role --aws-service-name
    config.amazonaws.com`. The bucket has no default lock, which AWS Config cannot deliver to.
    Source: CloudFormation reference, AWS::Config::DeliveryChannel.
    """

    def __init__(
        self,
        name: str,
        args: RecordsArgs,
        *,
        key: "aws.kms.Key",
        access_logs: Bucket,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ConfigurationRecords", name, context, opts)
        self.bucket = files(
            self,
            "records",
            BucketArgs(expire_after=args.keep),
            key=key,
            access_logs=access_logs,
            protect=args.protect,
            takes=lambda arn: takes_records(arn, self.account),
        )
        record(self, args, bucket=self.bucket, key=key)
        self.register_outputs({"bucket": self.bucket.bucket})


def record(owner: AwsComponent, args: RecordsArgs, *, bucket: Bucket, key: "aws.kms.Key", beside: bool = False) -> None:
    """Record the region that the owner's provider is in; `beside` is a second region of the account.

    Users, groups, roles and policies are recorded and judged in the first region alone: a second
    record would hold identical items, each of which is paid for.
    Source: AWS Config API reference, RecordingGroup, "includeGlobalResourceTypes".

    A channel may deliver into a bucket of another region, by a key of the bucket's region.
    Source: AWS Config API reference, PutDeliveryChannel, and DeliveryChannel, "s3KmsKeyArn".

    In sequence: a channel needs a recorder, a running recorder needs a channel, and they go the other way round.
    """
    called = owner.context.naming.name("records", limit=256)
    recorder = aws.cfg.Recorder(
        f"{owner.prefix}-recorder",
        name=called,
        role_arn=f"arn:aws:iam::{owner.account}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig",
        recording_group={
            "all_supported": True,
            "include_global_resource_types": not beside,
        },
        opts=owner.child(),
    )
    channel = aws.cfg.DeliveryChannel(
        f"{owner.prefix}-channel",
        name=called,
        s3_bucket_name=bucket.bucket,
        s3_kms_key_arn=key.arn,
        snapshot_delivery_properties={"delivery_frequency": SNAPSHOTS[args.snapshots]},
        opts=owner.child(bucket, recorder),
    )
    recording = aws.cfg.RecorderStatus(f"{owner.prefix}-recording", name=recorder.name, is_enabled=True, opts=owner.child(channel))
    aws.cfg.ConformancePack(
        f"{owner.prefix}-pack",
        name=owner.context.naming.name("machine-learning", limit=256),
        template_body=pack((*args.leave_out, *(WITHOUT_REGION if beside else ()))),
        opts=owner.child(recording),
    )
