"""Stack file of every platform on AWS, whoever owns its network and its cluster."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.aws.account.guardrails import AccountArgs
from components.aws.account.threats import AGENT
from components.aws.identity.boundary import IdentityArgs
from components.aws.registry.registry import RegistryArgs
from components.aws.storage.buckets import BucketsArgs
from components.kubernetes.addons.footprint import Pods, managed
from components.spec import Problem, rule
from infra.aws import given, whereabouts
from infra.aws.account_rules import budgeted_pools, recorded_buckets
from infra.aws.storage_rules import said_of_given_artifacts
from infra.notes import Note
from infra.platform import Platform
from infra.site_specs import AwsSite
from infra.team_credentials import TeamRole


class AnyAwsPlatform(Platform):
    """A platform in one AWS account and region."""

    TEAM_CREDENTIALS = TeamRole

    site: AwsSite
    """Where the platform stands."""
    identity: IdentityArgs = IdentityArgs()
    """Limits of the stack's IAM roles."""
    storage: BucketsArgs = BucketsArgs()
    """The platform's buckets."""
    registry: RegistryArgs | None = None
    """Image repositories, the database of runs and models, and the artifact bucket; absent makes
    none of them."""
    account: AccountArgs | None = None
    """Guard rails of the account; absent where other stacks or the organisation keep them all."""

    @property
    def with_images(self) -> Mapping[str, Any]:
        """Sections of the stack file that name images."""
        return {"operators": self.operators, "tracking": self.tracking, "endpoints": self.endpoints}

    @property
    def besides(self) -> tuple[Pods, ...]:
        """Pods of daemon sets that a service of the account puts on every node by itself."""
        return managed(AGENT) if self.account and self.account.agents_on_nodes else ()

    @property
    def budget_pools(self) -> Iterable[str]:
        """Names of the pools that can have a budget of their own."""
        return self.pool_names

    def notes(self) -> Iterator[Note]:
        """What others own."""
        yield from super().notes()
        yield from given.notes(self)
        yield from whereabouts.notes(self, self.site)

    @rule("registry", "tracking")
    def _tracking_keeps_runs(self) -> Iterator[Problem]:
        if self.tracking:
            yield from given.needs_database(self.registry, "tracking, which keeps runs and models in it")

    @rule("account", "cluster")
    def _budgets_of_pools(self) -> Iterator[Problem]:
        if self.account:
            yield from budgeted_pools(self.account, list(self.budget_pools))

    @rule("account", "storage")
    def _recorded_buckets(self) -> Iterator[Problem]:
        if self.account:
            yield from recorded_buckets(self.account, self.storage)

    @rule("site")
    def _ids_of_the_site(self) -> Iterator[Problem]:
        yield from whereabouts.misplaced(self, self.site)

    @rule("storage", "registry")
    def _given_artifacts(self) -> Iterator[Problem]:
        yield from said_of_given_artifacts(self.storage, self.registry)
