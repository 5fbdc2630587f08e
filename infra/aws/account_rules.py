"""Rules between the account's guard rails and the rest of a platform on AWS."""

from collections.abc import Iterator, Sequence

from components.aws.account.guardrails import AccountArgs
from components.aws.storage.buckets import BucketsArgs
from components.spec import Problem
from infra.reading.faults import did_you_mean


def budgeted_pools(account: AccountArgs, pools: Sequence[str]) -> Iterator[Problem]:
    """A problem for each budget of a pool that is not there, which would never be used up."""
    for name in account.budgets.pools if account.budgets else ():
        if name not in pools:
            near = did_you_mean(name, pools) or f"pools are {', '.join(pools) or 'none'}"
            yield Problem(("account", "budgets", "pools", name), f"names no pool of the cluster: {near}; rename or remove it")


def recorded_buckets(account: AccountArgs, storage: BucketsArgs) -> Iterator[Problem]:
    """A problem for each bucket whose objects the trail should record and that is not there."""
    there = (*storage.purposes, "artifacts")
    for index, purpose in enumerate(account.trail.data_events if account.trail else ()):
        if purpose not in there:
            text = f"names a bucket that there is not: add storage.{purpose}, or remove it"
            yield Problem(("account", "trail", "data_events", index), text)
