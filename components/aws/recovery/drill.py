"""Restores that are tried on a schedule: a snapshot is copied to the recovery region each day, and one is restored there and taken down.

AWS Backup tests what lies in its own vaults, so the copies by which RDS keeps the RPO are not what it restores; these are. How long a
restore took is what a stack file states as `assumes.restore`. Source: AWS Backup developer guide, "Restore testing".
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pulumi
from pydantic import AfterValidator, Field

from components.aws.base import AwsComponent, ServiceRole
from components.aws.documents.statements import document
from components.aws.documents.trust import trust_service_unconditionally
from components.aws.network.vpc import Network
from components.aws.registry.database import Database
from components.aws.values import Days
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

SERVICE = "backup.amazonaws.com"
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"
TAKEN = "cron(0 5 * * ? *)"
"""When a snapshot is taken and copied: each day, UTC."""
SCHEDULES: Mapping[str, str] = {"weekly": "cron(0 12 ? * SUN *)", "monthly": "cron(0 12 1 * ? *)"}
"""When one is restored, UTC: after the day's snapshot has arrived."""
NAME = 50
"""Longest name of a restore testing plan and its selections, of letters, digits and underscores."""


def _days(value: Days) -> Days:
    if value.days < 2:
        raise ValueError("must be 2d or more: the newest copy may still be on its way when a restore is tried")
    return value


class DrillArgs(Spec):
    """A restore of the database in the recovery region, tried on a schedule."""

    every: Literal["weekly", "monthly"] = "weekly"
    """How often: on Sundays, or on the first of the month."""
    keep: Annotated[Days, AfterValidator(_days)] = Duration("14d")
    """How long the daily snapshots and their copies are kept: 2d or more."""
    stays_hours: Annotated[int, Field(ge=1, le=168)] = 2
    """Hours that a restored database stays, for whoever looks into it, before AWS Backup deletes it."""


def vault(owner: AwsComponent, key: pulumi.Input[str], *, protect: bool) -> "aws.backup.Vault":
    """A vault; `protect` keeps it, and what is in it."""
    return aws.backup.Vault(
        f"{owner.prefix}-vault",
        name=owner.context.naming.name(owner.prefix, limit=50),
        kms_key_arn=key,
        force_destroy=not protect,
        tags=owner.tags(owner.prefix),
        opts=owner.child(protect=protect),
    )


def acts(owner: AwsComponent, role: str, what: Literal["Backup", "Restores"]) -> ServiceRole:
    """A role as which AWS Backup backs up, or restores."""
    return owner.role(role, document(trust_service_unconditionally(SERVICE)), managed=[f"{MANAGED}{what}"])


class RestoreTest(AwsComponent):
    """In the recovery region: the vault that copies come to, and the restore of one of them where nobody reaches it."""

    def __init__(
        self,
        name: str,
        args: DrillArgs,
        *,
        key: pulumi.Input[str],
        network: Network,
        notify: Sequence[str],
        protect: bool,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("RestoreTest", name, context, opts)
        self.vault = vault(self, key, protect=protect)
        plan = aws.backup.RestoreTestingPlan(
            f"{name}-plan",
            name=self._word(name),
            schedule_expression=SCHEDULES[args.every],
            start_window_hours=24,
            recovery_point_selection={
                "algorithm": "LATEST_WITHIN_WINDOW",
                "include_vaults": [self.vault.arn],
                "recovery_point_types": ["SNAPSHOT"],
                "selection_window_days": args.keep.days,
            },
            tags=self.tags(name),
            opts=self.child(),
        )
        restorer = acts(self, "restores", "Restores")
        aws.backup.RestoreTestingSelection(
            f"{name}-database",
            name=self._word("database"),
            restore_testing_plan_name=plan.name,
            protected_resource_type="RDS",
            # All that is in the vault; a copy goes by the ARN of what it is a copy of, in another region.
            protected_resource_arns=["*"],
            iam_role_arn=restorer.role.arn,
            restore_metadata_overrides=self._where(network),
            validation_window_hours=args.stays_hours,
            opts=self.child(*restorer.ready),
        )
        self._failures(notify)
        self.register_outputs({"vault": self.vault.name})

    def _word(self, role: str) -> str:
        return self.context.naming.name(role, limit=NAME).replace("-", "_")

    def _where(self, network: Network) -> Mapping[str, pulumi.Input[str]]:
        """Out of reach: without this a restore goes to the default VPC, or fails where there is none."""
        called = self.context.naming.name(self.prefix)
        subnets = aws.rds.SubnetGroup(
            f"{self.prefix}-subnets",
            name=called,
            description="Isolated subnets of restored databases",
            subnet_ids=[subnet.id for subnet in network.isolated.values()],
            tags=self.tags(self.prefix),
            opts=self.child(),
        )
        return {
            "dbSubnetGroupName": subnets.name,
            # The VPC's default group, which has no rules: nobody reaches what was restored to see whether it can be.
            "vpcSecurityGroupIds": network.vpc.default_security_group_id.apply(lambda group: json.dumps([group])),
            "multiAz": "false",
            "publiclyAccessible": "false",
        }

    def _failures(self, notify: Sequence[str]) -> None:
        """Tell the topics of the region when a restore did not succeed.

        Source: AWS Backup developer guide, "Monitoring AWS Backup events using Amazon EventBridge".
        """
        pattern = {"source": ["aws.backup"], "detail-type": ["Restore Job State Change"], "detail": {"status": ["FAILED", "ABORTED"]}}
        rule = self.event_rule("failed", pattern, "A restore that was tried did not succeed", called=f"{self.prefix}-failed")
        for position, topic in enumerate(notify):
            aws.cloudwatch.EventTarget(
                f"{self.prefix}-told-{position}", rule=rule.name, target_id=f"topic-{position}", arn=topic, opts=self.child()
            )


class Snapshots(AwsComponent):
    """In the site's region: snapshots of the database, and of file systems by ARN, each day, copied to the vault of the recovery region."""

    def __init__(
        self,
        name: str,
        args: DrillArgs,
        database: Database,
        *,
        files: Sequence[pulumi.Input[str]],
        to: "aws.backup.Vault",
        protect: bool,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Snapshots", name, context, opts)
        here = vault(self, database.encryption_key.arn, protect=protect)
        kept: Any = {"delete_after": args.keep.days}
        plan = aws.backup.Plan(
            f"{name}-plan",
            name=context.naming.name(name, limit=50),
            rules=[
                {
                    "rule_name": "daily",
                    "target_vault_name": here.name,
                    "schedule": TAKEN,
                    "lifecycle": kept,
                    "copy_actions": [{"destination_vault_arn": to.arn, "lifecycle": kept}],
                }
            ],
            tags=self.tags(name),
            opts=self.child(),
        )
        taker = acts(self, "takes", "Backup")
        aws.backup.Selection(
            f"{name}-database",
            name=context.naming.name("database", limit=50),
            plan_id=plan.id,
            iam_role_arn=taker.role.arn,
            resources=[database.instance.arn, *files],
            opts=self.child(*taker.ready),
        )
        self.register_outputs({"vault": here.name})
