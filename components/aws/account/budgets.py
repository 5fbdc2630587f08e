"""Monthly budgets by cost tag: for everything of the stack's owner, for other teams, for each GPU pool."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import pulumi
from pydantic import AfterValidator, Field

from components.aws.base import AwsComponent
from components.contracts import Context
from components.labels import OWNER_TAG, POOL_TAG
from components.lazy import lazy
from components.spec import Budget, Many, Name, Percent, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


def _some(value: Budget) -> Budget:
    if not value.value:
        raise ValueError('must be more than nothing, such as "40000 USD/month"')
    return value


def _share(value: Percent) -> Percent:
    if not 100 <= value.value <= 100_000:
        raise ValueError("must be between 1% and 1000% of the budget")
    return value


Limit = Annotated[Budget, AfterValidator(_some)]
Share = Annotated[Percent, AfterValidator(_share)]


class BudgetsArgs(Spec):
    """Monthly budgets in US dollars, each told to the account's topic as it is used up.

    They count what carries the tag once the tags groundwork:owner and groundwork:pool are active as cost allocation tags, in the
    account that pays the bill: by `activate_tags`, or by whoever pays.
    """

    owner: Limit | None = None
    """Budget of everything that the stack's owner runs in the account."""
    teams: dict[Name, Limit] = Field(default_factory=dict)
    """Budgets of other owners that run stacks in the same account, by name."""
    pools: dict[Name, Limit] = Field(default_factory=dict)
    """Budgets of the machines of GPU pools, by the pool's name."""
    tell_at: Annotated[Many[Share], Field(min_length=1, max_length=4)] = ("50%", "80%", "100%")  # type: ignore[assignment]  # validated
    """Shares of a budget at which its use so far is told."""
    activate_tags: bool = False
    """Whether the tags that the budgets count are made cost allocation tags, which only the account that pays can do, and which is
    refused until a day after something first carried them. They stay so when the stack goes: other budgets may count them."""
    tell_forecast_at: Share | None = Percent("100%")
    """Share at which the forecast of the whole month is told; absent tells none."""

    @rule("owner", "teams", "pools")
    def _something(self) -> Iterator[Problem]:
        if not (self.owner or self.teams or self.pools):
            yield Problem((), "names no budget: state owner, teams or pools, or remove the section")

    @rule("tell_at")
    def _told_once(self) -> Iterator[Problem]:
        for index, share in enumerate(self.tell_at):
            if share in self.tell_at[:index]:
                yield Problem(("tell_at", index), f"names {share} twice: remove one")


def notifications(args: BudgetsArgs, topic: pulumi.Input[str]) -> list[Any]:
    """When a budget tells the topic."""
    moments = [("ACTUAL", share) for share in args.tell_at]
    moments += [("FORECASTED", args.tell_forecast_at)] if args.tell_forecast_at else []
    return [
        {
            "comparison_operator": "GREATER_THAN",
            "notification_type": kind,
            "threshold": share.value / 100,
            "threshold_type": "PERCENTAGE",
            "subscriber_sns_topic_arns": [topic],
        }
        for kind, share in moments
    ]


class Budgets(AwsComponent):
    """One budget for each tag value that has a limit. `told` is the topic's policy, without which a budget is refused."""

    def __init__(
        self,
        name: str,
        args: BudgetsArgs,
        *,
        topic: pulumi.Input[str],
        told: pulumi.Resource,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Budgets", name, context, opts)
        self.notifications = notifications(args, topic)
        own = {f"owner-{context.labels.owner}": (OWNER_TAG, context.labels.owner, args.owner)} if args.owner else {}
        teams = {f"owner-{team}": (OWNER_TAG, team, limit) for team, limit in args.teams.items()}
        pools = {f"pool-{pool}": (POOL_TAG, pool, limit) for pool, limit in args.pools.items()}
        for role, (tag, value, limit) in {**teams, **own, **pools}.items():
            self._budget(role, tag, value, limit, told)
        for tag in sorted({tag for tag, _, _ in {**teams, **own, **pools}.values()} if args.activate_tags else ()):
            self._activate(tag)
        self.register_outputs({})

    def _activate(self, tag: str) -> None:
        """Only a management account, or one outside organisations, can do it, from up to 24 hours
        after the tag's first use. Sources: AWS Billing user guide, "User-defined cost allocation
        tags"; the provider's documentation of CostAllocationTag.
        """
        opts = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        aws.costexplorer.CostAllocationTag(f"{self.prefix}-{tag.replace(':', '-')}", tag_key=tag, status="Active", opts=opts)

    def _budget(self, role: str, tag: str, value: str, limit: Budget, told: pulumi.Resource) -> None:
        aws.budgets.Budget(
            f"{self.prefix}-{role}",
            name=self.context.naming.name(role, limit=100),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(limit.value),
            limit_unit="USD",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:{tag}${value}"]}],
            notifications=self.notifications,
            tags=self.tags(role),
            opts=self.child(told),
        )
