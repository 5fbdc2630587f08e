"""Permissions boundary that a stack makes for its roles, and the arguments of both."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import pulumi
from pydantic import AfterValidator, Field

from components.aws.base import AwsComponent
from components.aws.documents.boundary import boundary
from components.aws.documents.statements import document
from components.aws.identity.limits import AwsContext, RoleLimits
from components.aws.regions import Region
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Many, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


def _session(value: Duration) -> Duration:
    if value.value % 1_000 or not 3_600 <= value.seconds <= 43_200:
        raise ValueError("must be between 1h and 12h, what IAM lets a session last")
    return value


Boundary = Annotated[
    str,
    Field(
        max_length=2048,
        pattern=r"^(own|none|arn:aws:iam::[0-9]{12}:policy/[A-Za-z0-9_+=,.@/-]+)$",
        json_schema_extra={"x-form": "own, none, or the ARN of a policy of the account"},
    ),
]
RolePath = Annotated[str, Field(max_length=512, pattern=r"^/([A-Za-z0-9_+=,.@-]+/)*$")]


class IdentityArgs(Spec):
    """What holds for every role that the stack makes."""

    boundary: Boundary = "own"
    """Permissions boundary of every role: own (the stack makes one), none, or the ARN of a policy that the account's owners keep."""
    regions: Many[Region] = ()
    """Regions beside the site's own in which roles may act, such as the one that data is copied to. Only the own boundary reads it."""
    path: RolePath = "/"
    """IAM path of the roles, such as "/groundwork/"; another path replaces every role."""
    session: Annotated[Duration, AfterValidator(_session)] = Duration("1h")
    """Longest session of a role: 1h to 12h."""

    @rule("boundary", "regions")
    def _regions_are_read(self) -> Iterator[Problem]:
        if self.regions and self.boundary != "own":
            text = f"limits nothing, since boundary is {self.boundary}: remove it, or set boundary to own"
            yield Problem(("regions",), text)


class PermissionsBoundary(AwsComponent):
    """The managed policy beyond which no role of the stack reaches."""

    def __init__(self, name: str, args: IdentityArgs, *, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("PermissionsBoundary", name, context, opts)
        roles = f"arn:aws:iam::{self.account}:role{args.path}{context.naming.every(limit=64)}"
        self.policy = aws.iam.Policy(
            f"{name}-boundary",
            name=context.naming.name("boundary", limit=128),
            path=args.path,
            description=f"Ceiling of every role of {context.naming.project} {context.naming.stack}",
            policy=document(*boundary(self.account, (self.region, *args.regions), roles)),
            tags=self.tags("boundary"),
            opts=self.child(),
        )
        self.arn: pulumi.Output[str] = self.policy.arn
        self.register_outputs({"arn": self.arn})


def bounded(context: Context, args: IdentityArgs, opts: pulumi.ResourceOptions) -> AwsContext:
    """The context whose roles are limited as the stack file says; makes the boundary where the stack owns it."""
    given: dict[str, pulumi.Input[str] | None] = {"none": None}
    own = args.boundary == "own"
    arn = PermissionsBoundary("identity", args, context=context, opts=opts).arn if own else given.get(args.boundary, args.boundary)
    return AwsContext(context.naming, context.labels, RoleLimits(arn, args.path, args.session.seconds))
