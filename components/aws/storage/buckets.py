"""The platform's buckets, one a purpose: versioned, encrypted under the key of their domain, closed, reachable by TLS only."""

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.keys import key_for_deliveries, key_for_lustre
from components.aws.documents.statements import Statement
from components.aws.documents.stores import takes_deliveries
from components.aws.keys import EncryptionKey, KeyArgs
from components.aws.storage.bucket import Bucket, Store, store
from components.aws.storage.retention import BucketArgs, GivenBucketArgs
from components.aws.values import Days
from components.contracts import Context
from components.spec import Duration, Problem, Spec, rule

Purpose = Literal["raw", "datasets", "features", "models", "checkpoints", "logs"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
GivenPurpose = Literal["raw", "datasets", "features", "models", "checkpoints", "logs", "artifacts"]
"""What an existing bucket may be for: artifacts are those of the registry."""
Domain = Literal["data", "models", "logs"]
SHARING: tuple[Literal["models", "logs"], ...] = ("models", "logs")
"""Domains that are kept under the key of data where they have none of their own."""


class BucketsArgs(Spec):
    """The platform's bucket set."""

    raw: BucketArgs | None = None
    """Data as it came in, before anything was checked; streams deliver here where there is such a bucket, else into datasets."""
    datasets: BucketArgs = BucketArgs()
    """Curated data: versioned, validated, what training and evaluation read."""
    features: BucketArgs | None = None
    """Features computed from datasets."""
    models: BucketArgs = BucketArgs()
    """Model weights as they are served."""
    checkpoints: BucketArgs = BucketArgs(expire_after=Duration("30d"), keep_versions=Duration("7d"))
    """Training checkpoints."""
    logs: BucketArgs | None = None
    """Logs that services of AWS deliver to S3; access logs of the buckets have one of their own."""
    access_log_retention: Days = Duration("365d")
    """How long S3 access logs of all buckets are kept."""
    existing: dict[GivenPurpose, GivenBucketArgs] = {}
    """Buckets that exist, by what they are for, instead of ones made here. They are never modified, so nothing more can be said of them."""
    keys: dict[Domain, KeyArgs] = {}
    """Encryption keys by domain, so that who may read one domain need not read another.

    data is of raw data, datasets, features, checkpoints and file systems; models and logs share it where they have none of their own.
    What was written before a bucket changed its key stays under the key it had.
    """
    protect: bool = True
    """Whether what holds data, and its keys, refuses deletion; false also lets a destroy empty the buckets."""

    @property
    def made(self) -> Mapping[str, BucketArgs]:
        """The buckets that are made here, by purpose."""
        return {p: args for p in PURPOSES if p not in self.existing and (args := getattr(self, p)) is not None}

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What there are buckets for, made here or given."""
        return tuple(p for p in PURPOSES if p in self.existing or p in self.made)

    @property
    def landing(self) -> Purpose:
        """What streams deliver for: raw data where it is kept apart from curated data."""
        return "raw" if "raw" in self.purposes else "datasets"

    @rule("existing", *PURPOSES)
    def _never_modified(self) -> Iterator[Problem]:
        for purpose in PURPOSES:
            if purpose in self.existing and purpose in self.model_fields_set:
                yield Problem((purpose,), f"would change an existing bucket, which is never modified: remove it, or existing.{purpose}")

    @rule("existing")
    def _a_bucket_each(self) -> Iterator[Problem]:
        seen: dict[str, str] = {}
        for purpose, args in self.existing.items():
            earlier = seen.setdefault(args.bucket, purpose)
            if earlier != purpose:
                text = f"holds {earlier} too: name another bucket, so that who may write for one purpose cannot change the other"
                yield Problem(("existing", purpose, "bucket"), text)

    @rule("protect", *PURPOSES)
    def _locks_can_be_kept(self) -> Iterator[Problem]:
        for purpose, args in self.made.items():
            if args.lock and args.lock.mode == "compliance" and not self.protect:
                text = "is compliance, and protect is false: a destroy could never empty the bucket, so use governance, or protect it"
                yield Problem((purpose, "lock", "mode"), text)


class ObjectStorage(AwsComponent):
    """A bucket for each purpose, a key for each domain, and one bucket that takes the access logs of all.

    `linked` names purposes whose buckets a Lustre file system reads and writes.
    """

    def __init__(
        self,
        name: str,
        args: BucketsArgs,
        *,
        context: Context,
        linked: tuple[Purpose, ...] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ObjectStorage", name, context, opts)
        self.args = args
        self.linked = linked
        self.key_resource = self._domain("storage", args.keys.get("data", KeyArgs()), "raw", "datasets", "features", "checkpoints")
        self.models_key = self._own("models")
        self.logs_key = self._own("logs")
        self.access_logs = self._access_logs()
        self.buckets: Mapping[str, Store] = {purpose: self._bucket(purpose) for purpose in args.purposes}
        self.datasets, self.models, self.checkpoints = (self.buckets[p] for p in ("datasets", "models", "checkpoints"))
        self.register_outputs({"models": self.models.bucket})

    @property
    def landing(self) -> Store:
        """The bucket that streams deliver into."""
        return self.buckets[self.args.landing]

    def _own(self, domain: Literal["models", "logs"]) -> EncryptionKey:
        """The key of a domain of its own, or that of data."""
        args = self.args.keys.get(domain)
        return self._domain(f"storage-{domain}", args, domain, role=domain) if args else self.key_resource

    def _domain(self, purpose: str, args: KeyArgs, *kept: Purpose, role: str = "") -> EncryptionKey:
        """The key of a domain that keeps these purposes, and those that share the key of data."""
        shared = () if role else tuple(p for p in SHARING if p not in self.args.keys)
        return self.key_of(
            args,
            purpose,
            *self._services((*kept, *shared)),
            services=("s3",) if role else ("elasticfilesystem", "fsx", "s3"),
            protect=self.args.protect,
            role=role,
        )

    def _services(self, kept: tuple[Purpose, ...]) -> Iterator[Statement]:
        """What services need of the key of these purposes."""
        if "logs" in kept and "logs" in self.args.made:
            yield key_for_deliveries(self.account, self.region)
        made = [purpose for purpose in kept if purpose in self.linked and purpose in self.args.made]
        if made:
            # By name, since a bucket is encrypted with the key, which is therefore made first.
            names = [self.context.naming.globally(purpose) for purpose in made]
            yield key_for_lustre(self.account, self.region, [f"arn:aws:s3:::{name}" for name in names])

    def _access_logs(self) -> Bucket:
        retention = BucketArgs(expire_after=self.args.access_log_retention)
        return Bucket(
            f"{self.prefix}-access-logs",
            retention,
            role="access-logs",
            key=None,
            access_logs=None,
            protect=self.args.protect,
            context=self.context,
            opts=self.child(),
        )

    def _bucket(self, purpose: Purpose) -> Store:
        keys: Mapping[str, EncryptionKey] = {"models": self.models_key, "logs": self.logs_key}
        return store(
            f"{self.prefix}-{purpose}",
            self.args.made.get(purpose, BucketArgs()),
            role=purpose,
            key=keys.get(purpose, self.key_resource),
            access_logs=self.access_logs,
            protect=self.args.protect,
            existing=self.args.existing.get(purpose),
            grants=(lambda arn: takes_deliveries(arn, self.account, self.region)) if purpose == "logs" else None,
            context=self.context,
            opts=self.child(),
        )
