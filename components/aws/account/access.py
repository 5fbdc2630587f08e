"""IAM Access Analyzer: resources that outsiders could reach, and rights that nobody uses."""

from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.values import Days
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class AccessArgs(Spec):
    """Analyzers of access from outside the account, and of access that is not used."""

    unused_after: Days | None = Duration("90d")
    """Age at which a right that was not used is a finding; absent analyses outside access only. Charged per role and month."""


class AccessAnalysis(AwsComponent):
    """An analyzer of outside access, and one of unused access."""

    def __init__(self, name: str, args: AccessArgs, *, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("AccessAnalysis", name, context, opts)
        called = context.naming.name("outside-access", limit=255)
        aws.accessanalyzer.Analyzer(
            f"{name}-outside", analyzer_name=called, type="ACCOUNT", tags=self.tags("outside-access"), opts=self.child()
        )
        if args.unused_after:
            days = args.unused_after.days
            aws.accessanalyzer.Analyzer(
                f"{name}-unused",
                analyzer_name=context.naming.generation("unused-access", {"days": days}, limit=255),
                type="ACCOUNT_UNUSED_ACCESS",
                configuration={"unused_access": {"unused_access_age": days}},
                tags=self.tags("unused-access"),
                opts=pulumi.ResourceOptions.merge(self.child(), pulumi.ResourceOptions(delete_before_replace=False)),
            )
        self.register_outputs({})
