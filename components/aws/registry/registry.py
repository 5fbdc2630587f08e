"""The model registry's stores on AWS: image repositories, PostgreSQL and an artifact bucket."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pulumi
from pydantic import Field

from components.aws.alarms.topic import AlarmTopic
from components.aws.base import AwsComponent
from components.aws.cluster.facts import AwsCluster
from components.aws.documents.images import accounts_pull
from components.aws.documents.keys import key_for_logs
from components.aws.documents.statements import document
from components.aws.network.facts import NetworkFacts
from components.aws.registry.cache import CachePrefix, ImageCache, UpstreamArgs
from components.aws.registry.database import Database
from components.aws.registry.database_args import DatabaseArgs
from components.aws.registry.repository import repository
from components.aws.storage.bucket import Store, store
from components.aws.storage.buckets import ObjectStorage
from components.aws.storage.retention import BucketArgs
from components.aws.values import AccountId, Days
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration, Many, Name, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class RegistryArgs(Spec):
    """Where models, their history and the platform's images are kept."""

    repositories: Annotated[Many[Name], Field(min_length=1)]
    """Image repositories to make."""
    untagged_after: Days = Duration("14d")
    """Age at which an image that no tag names is removed."""
    keep_images: Annotated[int, Field(ge=10, le=10_000)] | None = None
    """How many of the newest images of a repository stay; absent keeps all that have a tag. Keep more than may ever have to come back."""
    readers: Many[AccountId] = ()
    """Other accounts that may pull the images."""
    scanning: Literal["basic", "enhanced"] | None = None
    """How ECR scans in the whole account and region, for one stack to say: once on push, or (enhanced, by Inspector) again and again."""
    pull_through: dict[CachePrefix, UpstreamArgs] = {}
    """Other registries whose images are cached below a prefix: their images are then pulled from the account's own registry."""
    artifacts: BucketArgs = BucketArgs()
    """The bucket of run artifacts and registered models."""
    database: DatabaseArgs | None = None
    """The PostgreSQL database of runs and models, which `tracking` and `recovery` need; absent is
    none."""
    protect: bool = True
    """Whether the repositories, the artifact bucket and their key refuse deletion."""

    @rule("repositories")
    def _once(self) -> Iterator[Problem]:
        if len(set(self.repositories)) < len(self.repositories):
            yield Problem(("repositories",), "names a repository twice: remove one")

    @rule("repositories", "pull_through")
    def _prefixes_are_free(self) -> Iterator[Problem]:
        taken = {prefix for prefix in self.pull_through if prefix in self.repositories}
        for prefix in sorted(taken):
            yield Problem(("pull_through", prefix), "is the name of a repository too: choose another prefix")

    @rule("protect", "database")
    def _key_outlives_database(self) -> Iterator[Problem]:
        if self.database and self.database.protect and not self.protect:
            yield Problem(("protect",), "must be true while database.protect is: the database is encrypted with the registry's key")

    @rule("protect", "artifacts")
    def _lock_can_be_kept(self) -> Iterator[Problem]:
        if self.artifacts.lock and self.artifacts.lock.mode == "compliance" and not self.protect:
            text = "is compliance, and protect is false: a destroy could never empty the bucket, so use governance, or protect it"
            yield Problem(("artifacts", "lock", "mode"), text)


class ModelRegistry(AwsComponent):
    """Image repositories, the database and the artifact bucket of the tracking server, under one key."""

    def __init__(
        self,
        name: str,
        args: RegistryArgs,
        *,
        network: NetworkFacts,
        cluster: AwsCluster,
        storage: ObjectStorage,
        context: Context,
        topic: AlarmTopic | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ModelRegistry", name, context, opts)
        self.args = args
        identifier = context.naming.name("registry")
        logs = key_for_logs(self.account, self.region, f"/aws/rds/instance/{identifier}/*")
        self.registry_key = self.key("registry", logs, protect=args.protect)
        self.repositories: Mapping[str, pulumi.Output[str]] = {role: self._repository(role).repository_url for role in args.repositories}
        self.artifacts = self._artifacts(storage)
        here = self.child()
        self.database: Database | None = None
        if args.database:
            self.database = Database(
                f"{name}-database",
                args.database,
                identifier=identifier,
                key=self.registry_key,
                network=network,
                cluster=cluster,
                context=context,
                topic=topic,
                opts=here,
            )
        if args.scanning:
            self._scanning(args.scanning)
        if args.pull_through:
            self._cache(args.pull_through, cluster)
        host = {"database": self.database.host} if self.database else {}
        self.register_outputs({"repositories": self.repositories, **host})

    def _repository(self, role: str) -> "aws.ecr.Repository":
        args = self.args
        made = repository(
            self,
            role,
            called=self.context.naming.name(role, limit=256),
            key=self.registry_key.arn,
            untagged_after=args.untagged_after,
            keep=args.keep_images,
            protect=args.protect,
        )
        if self.args.readers:
            policy = document(accounts_pull(self.args.readers))
            aws.ecr.RepositoryPolicy(f"{self.prefix}-{role}-readers", repository=made.name, policy=policy, opts=self.child())
        return made

    def _scanning(self, kind: Literal["basic", "enhanced"]) -> None:
        """The registry's one setting: every image of the account is scanned, whoever made its repository."""
        frequency = {"basic": "SCAN_ON_PUSH", "enhanced": "CONTINUOUS_SCAN"}[kind]
        rule: Any = {"scan_frequency": frequency, "repository_filters": [{"filter": "*", "filter_type": "WILDCARD"}]}
        aws.ecr.RegistryScanningConfiguration(f"{self.prefix}-scanning", scan_type=kind.upper(), rules=[rule], opts=self.child())

    def _cache(self, upstreams: Mapping[str, UpstreamArgs], cluster: AwsCluster) -> None:
        ImageCache(
            f"{self.prefix}-cache",
            upstreams,
            key=self.registry_key,
            untagged_after=self.args.untagged_after.days,
            nodes=cluster.node_roles,
            context=self.context,
            opts=self.child(),
        )

    def _artifacts(self, storage: ObjectStorage) -> Store:
        return store(
            f"{self.prefix}-artifacts",
            self.args.artifacts,
            role="artifacts",
            key=self.registry_key,
            access_logs=storage.access_logs,
            protect=self.args.protect,
            existing=storage.args.existing.get("artifacts"),
            context=self.context,
            opts=self.child(),
        )
