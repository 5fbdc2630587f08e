"""Alerts of the account: one encrypted topic for findings and budgets, and the event rules that send findings to it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pulumi
from pydantic import StringConstraints

from components.aws.account.conformance import PREFIX
from components.aws.base import AwsComponent
from components.aws.documents.account import takes_alerts
from components.aws.documents.statements import document
from components.contracts import Context
from components.given import Given
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}$")]
"""An address that reads alerts."""
Rail = Annotated[Literal["trail", "threats", "records", "access"], Given("", "guard rail")]
"""A guard rail that an account has once, and that an organisation may own."""

WORTH_TELLING = 4
"""GuardDuty severity from which a finding is told: medium is 4.0 to 6.9. Source: GuardDuty user guide, "Severity levels"."""

PATTERNS: dict[str, Any] = {
    "threats": {
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Finding"],
        "detail": {"severity": [{"numeric": [">=", WORTH_TELLING]}]},
    },
    "records": {
        "source": ["aws.config"],
        "detail-type": ["Config Rules Compliance Change"],
        "detail": {
            "configRuleName": [{"prefix": PREFIX}],
            "newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]},
        },
    },
    "access": {
        "source": ["aws.access-analyzer"],
        "detail-type": ["Access Analyzer Finding", "Unused Access Finding for IAM entities"],
        "detail": {"status": ["ACTIVE"]},
    },
}
"""Events that are told of each rail: of AWS Config only those of the stack's own pack, not every rule of the account.

Source: EventBridge reference, events of GuardDuty, AWS Config and IAM Access Analyzer.
"""


def pattern(rail: str, *, given: bool) -> Mapping[str, Any]:
    """The events that are told of a rail; where the organisation owns the records, those of any rule."""
    events: Mapping[str, Any] = PATTERNS[rail]
    if rail != "records" or not given:
        return events
    return {**events, "detail": {k: v for k, v in events["detail"].items() if k != "configRuleName"}}


def findings(owner: AwsComponent, rail: str, which: str, *, given: bool) -> "aws.cloudwatch.EventRule":
    """The rule `<owner>-<rail>` for findings of a rail; `which` says in words what becomes of them."""
    events, said = pattern(rail, given=given), f"Findings of {rail} {which}"
    return owner.event_rule(rail, events, said, called=f"findings-{rail}", tagged=rail)


class Alerts(AwsComponent):
    """A topic, who reads it, and a rule for the findings of each rail, whoever owns the rail."""

    def __init__(
        self,
        name: str,
        *,
        emails: Sequence[str],
        rails: Sequence[str],
        given: Sequence[str],
        key: "aws.kms.Key",
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Alerts", name, context, opts)
        self.topic = aws.sns.Topic(
            f"{name}-topic",
            name=context.naming.name("alerts", limit=256),
            kms_master_key_id=key.id,
            tags=self.tags("alerts"),
            opts=self.child(),
        )
        self.policy = aws.sns.TopicPolicy(
            f"{name}-publishers",
            arn=self.topic.arn,
            policy=document(*takes_alerts(self.topic.arn, self.account)),
            opts=self.child(),
        )
        for email in emails:
            reader = f"{name}-to-{email.replace('@', '-at-')}"
            aws.sns.TopicSubscription(reader, topic=self.topic.arn, protocol="email", endpoint=email, opts=self.child())
        for rail in rails:
            self._findings(rail, given=rail in given)
        self.register_outputs({"topic": self.topic.arn})

    def _findings(self, rail: str, *, given: bool) -> None:
        rule = findings(self, rail, "that somebody should read", given=given)
        aws.cloudwatch.EventTarget(
            f"{self.prefix}-{rail}-told", rule=rule.name, target_id="alerts", arn=self.topic.arn, opts=self.child(self.policy)
        )
