"""Base class of AWS components: type token, options of children, tags, keys and log groups."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.documents.keys import key_administrators, key_owner, key_users
from components.aws.documents.statements import Document, Statement, document
from components.aws.identity.limits import limits_of
from components.aws.keys import EncryptionKey, GivenKey, KeyArgs
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class AwsComponent(pulumi.ComponentResource):
    """A component of the AWS site. Its children are named `<prefix>-<role>`, the prefix being its own name, and tagged with their owner."""

    def __init__(
        self, kind: str, name: str, context: Context, opts: pulumi.ResourceOptions | None, facts: Mapping[str, Any] | None = None
    ) -> None:
        """`facts` are what no child shows and rules still judge, such as what is left to others."""
        super().__init__(f"groundwork:aws:{kind}", name, facts, opts)
        self.prefix = name
        self.context = context

    @property
    def account(self) -> str:
        """The account the site is in."""
        return self.context.naming.account

    @property
    def region(self) -> str:
        """The region the site is in."""
        return self.context.naming.region

    def child(self, *after: pulumi.Resource, protect: bool | None = None) -> pulumi.ResourceOptions:
        """Options of a child that is made after the given resources."""
        return pulumi.ResourceOptions(parent=self, depends_on=list(after) or None, protect=protect or None)

    def tags(self, role: str = "", **extra: str) -> dict[str, str]:
        """Ownership tags, and a Name for the console when `role` is given."""
        named = {"Name": self.context.naming.name(role)} if role else {}
        return {**self.context.labels.aws(self.prefix), **named, **extra}

    def key(self, purpose: str, *statements: Statement, protect: bool, role: str = "") -> "aws.kms.Key":
        """A rotating key with an alias; `statements` let services use it beside the account's own IAM policies."""
        logical = f"{self.prefix}-{role}-key" if role else f"{self.prefix}-key"
        key = aws.kms.Key(
            logical,
            description=f"{self.context.naming.name(purpose)}: data at rest",
            enable_key_rotation=True,
            deletion_window_in_days=30 if protect else 7,
            policy=document(key_owner(self.account), *statements),
            tags=self.tags(purpose),
            opts=self.child(protect=protect),
        )
        alias = f"alias/{self.context.naming.name(purpose)}"
        aws.kms.Alias(f"{logical}-alias", name=alias, target_key_id=key.key_id, opts=self.child())
        return key

    def key_of(
        self, args: KeyArgs, purpose: str, *statements: Statement, services: Sequence[str], protect: bool, role: str = ""
    ) -> EncryptionKey:
        """The existing key that `args` name, or a new one with its administrators and users apart; `role` tells several keys apart."""
        if args.existing:
            return GivenKey(args.existing)
        people = (*key_administrators(args.administrators), *key_users(args.users, self.account, self.region, services))
        return self.key(purpose, *people, *statements, protect=protect, role=role)

    def log_group(self, role: str, log_name: str, key: EncryptionKey, retention: Duration) -> "aws.cloudwatch.LogGroup":
        """An encrypted log group that exists, with its retention, before a service would make one without."""
        return aws.cloudwatch.LogGroup(
            f"{self.prefix}-{role}",
            name=log_name,
            retention_in_days=retention.days,
            kms_key_id=key.arn,
            tags=self.tags(),
            opts=self.child(),
        )

    def make_security_group(self, role: str, description: str, vpc: pulumi.Input[str], *, called: str) -> "aws.ec2.SecurityGroup":
        """A security group `<name>-<role>` of a VPC, without rules; `called` makes its physical name."""
        return aws.ec2.SecurityGroup(
            f"{self.prefix}-{role}",
            name=self.context.naming.name(called),
            description=description,
            vpc_id=vpc,
            tags=self.tags(called),
            opts=self.child(),
        )

    def event_rule(
        self, role: str, pattern: Mapping[str, Any], description: str, *, called: str, tagged: str = ""
    ) -> "aws.cloudwatch.EventRule":
        """A rule `<name>-<role>` of EventBridge for events of a pattern, without targets; `called` makes its physical name."""
        return aws.cloudwatch.EventRule(
            f"{self.prefix}-{role}",
            name=self.context.naming.name(called, limit=64),
            description=description,
            event_pattern=json.dumps(pattern, sort_keys=True),
            tags=self.tags(tagged),
            opts=self.child(),
        )

    def role(self, role: str, trust: Document, *, managed: Sequence[str] = (), inline: Document | None = None) -> "ServiceRole":
        """An IAM role `<name>-<role>` with what it is allowed."""
        return ServiceRole(self, role, trust, managed, inline)


class ServiceRole:
    """An IAM role and the resources that give it its rights; whoever uses the role must wait for `ready`."""

    def __init__(self, owner: AwsComponent, role: str, trust: Document, managed: Sequence[str], inline: Document | None) -> None:
        name = f"{owner.prefix}-{role}"
        physical = owner.context.naming.name(name, limit=64)
        limits = limits_of(owner.context).arguments
        self.role = aws.iam.Role(f"{name}-role", name=physical, assume_role_policy=trust, tags=owner.tags(), opts=owner.child(), **limits)
        attached = [
            aws.iam.RolePolicyAttachment(f"{name}-{arn.rsplit('/', 1)[-1]}", role=self.role.name, policy_arn=arn, opts=owner.child())
            for arn in managed
        ]
        granted = (
            [aws.iam.RolePolicy(f"{name}-policy", name=physical, role=self.role.name, policy=inline, opts=owner.child())] if inline else []
        )
        self.ready: tuple[pulumi.Resource, ...] = (self.role, *attached, *granted)
