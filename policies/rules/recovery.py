"""Recovery rules: what is copied to another region can be had back there: in time, under keys of there, and all that belongs together."""

from collections.abc import Iterator

from graph.model import Resource
from policies.model import Book, View, get, many

BOOK = Book("recovery")
BUCKET, KEY, DATABASE, REPOSITORY = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:rds/instance:Instance", "aws:ecr/repository:Repository"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
COPIES = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
TESTS = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
REPLICATES = "groundwork:aws:Replication"
IMAGES = "aws:ecr/replicationConfiguration:ReplicationConfiguration"


def region(resource: Resource, view: View) -> str:
    """The region of the provider that makes a resource; "" where none is named."""
    provider = view.graph.by_urn.get(resource.provider)
    return str(get(provider, "region", "")) if provider else ""


def two_regions(view: View) -> bool:
    """Whether the stack is in more than one region: only then there is something to be recovered to."""
    return len({get(provider, "region", "") for provider in view.of("pulumi:providers:aws")}) > 1


@BOOK.rule(
    "replication-timed",
    REPLICATION,
    title="Copies of objects arrive in a time that is promised and measured",
    remedy="enable the rule, replicationTime and metrics",
)
def replication_timed(config: Resource, view: View) -> Iterator[str]:
    """Without time control most objects arrive within minutes, and some after hours (S3 user guide, S3 Replication Time Control)."""
    for rule in get(config, "rules", []):
        name, destination = rule.get("id"), rule.get("destination", {})
        if rule.get("status") != "Enabled":
            yield f"rule {name} is not enabled"
        for part in ("replicationTime", "metrics"):
            if destination.get(part, {}).get("status") != "Enabled":
                yield f"rule {name} has no {part}"


@BOOK.rule(
    "replica-elsewhere",
    REPLICATION,
    title="Copies of objects are in another region, under a key of that region",
    remedy="send to a bucket of another region, and name a key of that region as replicaKmsKeyId",
)
def replica_elsewhere(config: Resource, view: View) -> Iterator[str]:
    """A copy beside its source, or under its source's key, is lost with it."""
    home = region(config, view)
    replicas = [bucket for bucket in view.linked(config, "rules", BUCKET) if bucket not in view.linked(config, "bucket", BUCKET)]
    keys = {region(key, view) for key in view.linked(config, "rules", KEY)}
    for replica in replicas:
        if region(replica, view) == home:
            yield f"{replica.name} is in the region of its source"
        if region(replica, view) not in keys:
            yield f"{replica.name} is not written under a key of its region"


@BOOK.rule(
    "database-elsewhere",
    DATABASE,
    title="Backups of production databases are copied to the other region",
    remedy="replicate its automated backups under a key of that region",
    tier="production",
    within=two_regions,
)
def database_elsewhere(database: Resource, view: View) -> Iterator[str]:
    """Objects without the rows that name them are of little use."""
    copies = view.attached(database, COPIES, "sourceDbInstanceArn")
    if not any(region(copy, view) != region(database, view) for copy in copies):
        yield "has no copies of its backups in another region"
    for copy in copies:
        if not any(region(key, view) == region(copy, view) for key in view.linked(copy, "kmsKeyId", KEY)) and not copy.inputs.get(
            "kmsKeyId"
        ):
            yield f"{copy.name} has no key of its region"


@BOOK.rule(
    "images-elsewhere",
    REPOSITORY,
    title="Images of production follow to the other region",
    remedy="name the repository in the registry's replication",
    tier="production",
    within=two_regions,
)
def images_elsewhere(repository: Resource, view: View) -> Iterator[str]:
    """What receives copies need not send them on; and a registry's one configuration may be another stack's."""
    if any("images" in many(row.inputs.get("given")) for row in view.of(REPLICATES)):
        return
    home = region(repository, view)
    rules = [rule for config in view.of(IMAGES) for rule in get(config, "replicationConfiguration.rules", [])]
    if any(place.get("region") == home for rule in rules for place in rule.get("destinations", ())):
        return
    filters = [row.get("filter") for rule in rules for row in rule.get("repositoryFilters", ())]
    if not any(str(get(repository, "name")).startswith(prefix) for prefix in filters):
        yield "is copied to no other region"


@BOOK.rule(
    "restore-tested",
    DATABASE,
    title="Restores of production databases are tried in the other region",
    remedy="state recovery.drill",
    severity="medium",
    tier="production",
    level="advisory",
    within=two_regions,
)
def restore_tested(database: Resource, view: View) -> Iterator[str]:
    """A backup that nobody restored yet is a hope. Advice, since people may try restores by hand."""
    tests = [test for test in view.of(TESTS) if get(test, "protectedResourceType") == "RDS"]
    if not any(region(test, view) != region(database, view) for test in tests):
        yield "no restore of it is tried in the other region"
