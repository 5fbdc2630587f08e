"""The guard rails of a second region of the same account: what would look there, and tells what it finds at home."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.account.access import AccessAnalysis, AccessArgs
from components.aws.account.alerts import PATTERNS, findings
from components.aws.account.guardrails import AccountArgs, Guardrails
from components.aws.account.records import record
from components.aws.account.threats import ThreatDetection
from components.aws.base import AwsComponent
from components.aws.documents.statements import allow, document
from components.aws.documents.trust import trust_service
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class GuardrailsBeside(AwsComponent):
    """Detector, recorder and analyzer of the region that `context` and the provider are of, as the site's region has them.

    Records lie in the site's bucket. The trail sees every region already, and unused rights are the account's, so neither is made again.
    """

    def __init__(
        self, name: str, args: AccountArgs, *, home: Guardrails, context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("GuardrailsBeside", name, context, opts, facts={"given": list(args.given)})
        if args.threats:
            ThreatDetection(f"{name}-threats", args.threats, context=context, opts=self.child())
        if args.records and home.records:
            record(self, args.records, bucket=home.records, key=home.account_key, beside=True)
        if args.access:
            AccessAnalysis(f"{name}-access", AccessArgs(unused_after=None), context=context, opts=self.child())
        told = [rail for rail in PATTERNS if rail in (*args.own, *args.given)]
        self._forward(told, args.given, home.region)
        self.register_outputs({})

    def _forward(self, rails: Sequence[str], given: Sequence[str], home: str) -> None:
        """Send findings to the event bus of the site's region, whose rules tell them.

        Source: EventBridge user guide, "Sending and receiving events between AWS Regions".
        """
        if not rails:
            return
        bus = f"arn:aws:events:{home}:{self.account}:event-bus/default"
        trust = document(trust_service("events.amazonaws.com", self.account))
        sender = self.role("findings", trust, inline=document(allow(["events:PutEvents"], [bus])))
        for rail in rails:
            rule = findings(self, rail, "that are told at home", given=rail in given)
            aws.cloudwatch.EventTarget(
                f"{self.prefix}-{rail}-told",
                rule=rule.name,
                target_id="home",
                arn=bus,
                role_arn=sender.role.arn,
                opts=self.child(*sender.ready),
            )
