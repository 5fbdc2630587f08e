"""The guard rails of an AWS account: each by choice, and none made twice where the organisation owns it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import pulumi
from pydantic import Field, StringConstraints

from components.aws.account.access import AccessAnalysis, AccessArgs
from components.aws.account.alerts import PATTERNS, Alerts, Email, Rail
from components.aws.account.budgets import Budgets, BudgetsArgs
from components.aws.account.records import ConfigurationRecords, RecordsArgs
from components.aws.account.threats import ThreatDetection, ThreatsArgs
from components.aws.account.trail import AuditTrail, TrailArgs, trail_name
from components.aws.base import AwsComponent
from components.aws.documents.account import key_for_services, key_for_trail, trail_arn
from components.aws.documents.keys import key_for_events, key_for_logs
from components.aws.storage.bucket import Bucket, Store
from components.contracts import Context
from components.lazy import lazy
from components.spec import Many, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

PUBLISHERS = ("budgets.amazonaws.com", "config.amazonaws.com")
"""Services that write to the encrypted topic or bucket and say on behalf of which account; EventBridge does not."""


class ContactArgs(Spec):
    """Somebody whom AWS can reach. Source of the limits: botocore, account, PutAlternateContact."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """Name of the person or the team."""
    title: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    """What they are, such as Security operations."""
    email: Email
    """Address of a mailbox that is read at any hour."""
    phone: Annotated[str, StringConstraints(max_length=25, pattern=r"^[0-9()+][0-9 ()+-]*$")]
    """Telephone number with its country code, quoted."""


class AccountArgs(Spec):
    """Guard rails of the account the platform stands in. One stack of an account states them; a rail that is absent is not made.

    The trail sees every region. The other rails watch the site's region, and that of `recovery` where there is one; regions in which
    nothing of the stack stands are the organisation's to watch, or to close.
    """

    alerts: Annotated[Many[Email], Field(min_length=1, max_length=10)]
    """Addresses that get findings and budget alarms, each after its reader confirmed a first message."""
    given: Many[Rail] = ()
    """Rails that the organisation owns in this account: not made here, but their findings are told."""
    trail: TrailArgs | None = None
    """CloudTrail: who did what."""
    threats: ThreatsArgs | None = None
    """GuardDuty: who should not be here."""
    records: RecordsArgs | None = None
    """AWS Config: what is there, how it changed, and whether it is as it should be."""
    access: AccessArgs | None = None
    """IAM Access Analyzer: who outside could reach what, and which rights nobody uses."""
    security_contact: ContactArgs | None = None
    """Whom AWS asks about the account's security; absent leaves who is asked now."""
    budgets: BudgetsArgs | None = None
    """What may be spent in a month."""
    protect: bool = True
    """Whether the key of files and alerts refuses deletion: without it the trail's files cannot be read."""

    @property
    def own(self) -> tuple[Rail, ...]:
        """Rails that this stack makes."""
        stated: Mapping[Rail, Spec | None] = {
            "trail": self.trail,
            "threats": self.threats,
            "records": self.records,
            "access": self.access,
        }
        return tuple(rail for rail, args in stated.items() if args)

    @property
    def agents_on_nodes(self) -> bool:
        """Whether GuardDuty keeps an agent on each node of each cluster of the account and region, by what this stack asks of it."""
        return self.threats is not None and "runtime" in self.threats.watch

    @rule("given", "trail", "threats", "records", "access")
    def _one_owner(self) -> Iterator[Problem]:
        for index, rail in enumerate(self.given):
            if rail in self.own:
                yield Problem(("given", index), f"names {rail}, which this file states too: an account has it once; remove one of them")
            if rail in self.given[:index]:
                yield Problem(("given", index), f"names {rail} twice: remove one")

    @rule("protect", "trail", "records")
    def _key_outlives_files(self) -> Iterator[Problem]:
        kept = [rail for rail, args in (("trail", self.trail), ("records", self.records)) if args and args.protect]
        if kept and not self.protect:
            yield Problem(("protect",), f"must be true while {kept[0]}.protect is: its files are encrypted with the account's key")


class Guardrails(AwsComponent):
    """The rails that a stack owns, under one key, and the topic that everything is told to.

    `buckets` are those whose objects the trail may record, by the names that `data_events` uses.
    """

    def __init__(
        self,
        name: str,
        args: AccountArgs,
        *,
        buckets: Mapping[str, Store],
        access_logs: Bucket,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Guardrails", name, context, opts, facts={"given": list(args.given)})
        trail = trail_arn(self.account, self.region, trail_name(context))
        key = self.account_key = self._key(args, trail)
        self.records: Bucket | None = None
        told = [rail for rail in PATTERNS if rail in (*args.own, *args.given)]
        alerts = Alerts(
            f"{name}-alerts",
            emails=args.alerts,
            rails=told,
            given=args.given,
            key=key,
            context=context,
            opts=self.child(),
        )
        if args.trail:
            AuditTrail(
                f"{name}-trail",
                args.trail,
                trail=trail,
                key=key,
                buckets=buckets,
                access_logs=access_logs,
                context=context,
                opts=self.child(),
            )
        if args.threats:
            ThreatDetection(f"{name}-threats", args.threats, context=context, opts=self.child())
        if args.records:
            kept = ConfigurationRecords(
                f"{name}-records", args.records, key=key, access_logs=access_logs, context=context, opts=self.child()
            )
            self.records = kept.bucket
        if args.access:
            AccessAnalysis(f"{name}-access", args.access, context=context, opts=self.child())
        if args.security_contact:
            self._contact(args.security_contact)
        if args.budgets:
            Budgets(f"{name}-budgets", args.budgets, topic=alerts.topic.arn, told=alerts.policy, context=context, opts=self.child())
        self.register_outputs({"alerts": alerts.topic.arn})

    def _contact(self, args: ContactArgs) -> None:
        aws.account.AlternativeContact(
            f"{self.prefix}-security-contact",
            alternate_contact_type="SECURITY",
            name=args.name,
            title=args.title,
            email_address=args.email,
            phone_number=args.phone,
            opts=self.child(),
        )

    def _key(self, args: AccountArgs, trail: str) -> "aws.kms.Key":
        logs = key_for_logs(self.account, self.region, AuditTrail.log_name(self.context))
        own = (*key_for_trail(self.account, trail), logs) if args.trail else ()
        writers = (key_for_services(self.account, *PUBLISHERS), key_for_events())
        return self.key("account", *writers, *own, protect=args.protect)
