"""Alarm topic: one encrypted SNS topic, and CloudWatch alarms that publish to it when something runs late or full."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import pulumi
from pydantic import Field, StringConstraints

from components.aws.base import AwsComponent
from components.aws.cluster.facts import AwsCluster
from components.aws.documents.alarms import alarms_publish, alerts_publish, key_for_alarms
from components.aws.documents.statements import document
from components.contracts import Context, NotificationTopic
from components.lazy import lazy
from components.naming import short_hash
from components.spec import Many, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

Address = Annotated[str, StringConstraints(max_length=254, pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]


class AlarmsArgs(Spec):
    """Who is told of alarms on databases and streams."""

    emails: Annotated[Many[Address], Field(min_length=1)]
    """Addresses that get each alarm and its end; each confirms once by a link that AWS sends."""
    protect: bool = True
    """Whether the topic's key refuses deletion."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A metric, and when it is wrong: `periods` in a row beyond `threshold`, each `period` seconds long."""

    namespace: str
    metric: str
    dimensions: Mapping[str, pulumi.Input[str]]
    statistic: Literal["Average", "Maximum", "Sum"]
    threshold: float
    says: str
    """What is wrong then, for whoever reads the alarm."""
    below: bool = False
    """Whether less than the threshold is wrong, instead of more."""
    period: int = 300
    periods: int = 3


class AlarmTopic(AwsComponent):
    """An SNS topic under a key of its own that CloudWatch alarms of the account may publish to."""

    def __init__(self, name: str, args: AlarmsArgs, *, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("AlarmTopic", name, context, opts)
        self.topic_key = self.key("alarms", key_for_alarms(self.account, self.region), protect=args.protect)
        self.topic = aws.sns.Topic(
            f"{name}-topic",
            name=context.naming.name("alarms", limit=256),
            kms_master_key_id=self.topic_key.arn,
            tags=self.tags("alarms"),
            opts=self.child(),
        )
        self.arn: pulumi.Output[str] = self.topic.arn
        policy = document(*alarms_publish(self.arn, self.account, self.region))
        aws.sns.TopicPolicy(f"{name}-publishers", arn=self.arn, policy=policy, opts=self.child())
        for email in args.emails:
            aws.sns.TopicSubscription(f"{name}-{short_hash(email)}", topic=self.arn, protocol="email", endpoint=email, opts=self.child())
        self.register_outputs({"arn": self.arn})

    def heard(self, cluster: AwsCluster, namespace: str, account: str) -> NotificationTopic:
        """The topic, with a service account that may publish to it."""
        statements = alerts_publish(self.arn, self.topic_key.arn, self.region)
        identity = cluster.grant(f"{self.prefix}-alerts", namespace, account, statements, self)
        return NotificationTopic(self.arn, self.region, (identity.role, *identity.ready))


def alarm(owner: AwsComponent, role: str, watch: Watch, topic: AlarmTopic) -> "aws.cloudwatch.MetricAlarm":
    """The alarm `<owner>-<role>`: it tells the topic when it begins and when it ends. Missing data are no alarm."""
    return aws.cloudwatch.MetricAlarm(
        f"{owner.prefix}-{role}",
        name=owner.context.naming.name(f"{owner.prefix}-{role}", limit=255),
        alarm_description=watch.says,
        namespace=watch.namespace,
        metric_name=watch.metric,
        dimensions=dict(watch.dimensions),
        statistic=watch.statistic,
        comparison_operator="LessThanThreshold" if watch.below else "GreaterThanThreshold",
        threshold=watch.threshold,
        period=watch.period,
        evaluation_periods=watch.periods,
        treat_missing_data="notBreaching",
        alarm_actions=[topic.arn],
        ok_actions=[topic.arn],
        tags=owner.tags(),
        opts=owner.child(),
    )
