"""Backup rules: what is stateful can be brought back, and is not lost by mistake."""

from collections.abc import Iterator

from graph.model import Resource
from policies.model import Book, View, get

BOOK = Book("backup")
DATABASE = "aws:rds/instance:Instance"
BUCKET = "aws:s3/bucket:Bucket"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
ORIGINALS = frozenset({"raw", "logs"})
"""Purposes of buckets whose objects exist nowhere else; a trail's files have a rule of their own (trail-locked)."""
LEAST_DAYS = 7
"""Days of point-in-time recovery; RDS keeps 35 at most."""


@BOOK.rule("database-backups", DATABASE, title="Databases are backed up for a week or more", remedy="set backupRetentionPeriod to 7 to 35")
def database_backups(database: Resource, view: View) -> Iterator[str]:
    """Point-in-time recovery reaches as far back as automated backups do."""
    days = get(database, "backupRetentionPeriod", 0)
    if days < LEAST_DAYS:
        yield f"keeps {days} days of backups, less than {LEAST_DAYS}"


@BOOK.rule(
    "database-deletion",
    DATABASE,
    title="Production databases cannot be deleted by mistake",
    remedy="set deletionProtection and a final snapshot",
    tier="production",
)
def database_deletion(database: Resource, view: View) -> Iterator[str]:
    """Protected by the cloud, and with a last snapshot when it does go."""
    if get(database, "deletionProtection") is not True:
        yield "deletionProtection is not on"
    if get(database, "skipFinalSnapshot", False):
        yield "would go without a final snapshot"


@BOOK.rule(
    "cluster-deletion",
    "aws:eks/cluster:Cluster",
    title="Production clusters cannot be deleted by mistake",
    remedy="set deletionProtection",
    tier="production",
    severity="medium",
)
def cluster_deletion(cluster: Resource, view: View) -> Iterator[str]:
    """Protected by the cloud."""
    if get(cluster, "deletionProtection") is not True:
        yield "deletionProtection is not on"


@BOOK.rule(
    "stateful-protected",
    DATABASE,
    BUCKET,
    "aws:eks/cluster:Cluster",
    "aws:kms/key:Key",
    title="What holds production state is protected in the stack",
    remedy="set protect on its component",
    tier="production",
)
def stateful_protected(resource: Resource, view: View) -> Iterator[str]:
    """The engine refuses to delete or replace it."""
    if not resource.options.protect:
        yield "is not protected: one change may replace it"


@BOOK.rule(
    "database-tls", DATABASE, title="Databases refuse connections without TLS", remedy="set rds.force_ssl to 1 in its parameter group"
)
def database_tls(database: Resource, view: View) -> Iterator[str]:
    """By the parameter group, so that no client can choose otherwise."""
    groups = view.linked(database, "parameterGroupName", "aws:rds/parameterGroup:ParameterGroup")
    settings = [entry for group in groups for entry in get(group, "parameters", [])]
    if not any(entry.get("name") == "rds.force_ssl" and str(entry.get("value")) == "1" for entry in settings):
        yield "accepts connections without TLS"


@BOOK.rule("bucket-versioning", BUCKET, title="Buckets keep versions", remedy="enable versioning")
def bucket_versioning(bucket: Resource, view: View) -> Iterator[str]:
    """An overwritten object can be had back."""
    rows = view.attached(bucket, "aws:s3/bucketVersioning:BucketVersioning", "bucket", "bucket")
    if not any(get(row, "versioningConfiguration.status") == "Enabled" for row in rows):
        yield "does not keep versions"


@BOOK.rule(
    "file-system-backups",
    "aws:efs/fileSystem:FileSystem",
    title="Shared file systems are backed up",
    remedy="enable its backup policy: state storage.shared.backups",
    tier="production",
)
def file_system_backups(files: Resource, view: View) -> Iterator[str]:
    """Find EFS's own plan switched on, or a backup plan of the stack that selects the file system: it has no versions."""
    rows = view.attached(files, "aws:efs/backupPolicy:BackupPolicy", "fileSystemId")
    selected = view.attached(files, "aws:backup/selection:Selection", "resources")
    if not selected and not any(get(row, "backupPolicy.status") == "ENABLED" for row in rows):
        yield "is not backed up"


def original(bucket: Resource) -> bool:
    """Whether what the bucket holds was made elsewhere and cannot be made again."""
    return bucket.inputs.get("tags", {}).get("groundwork:purpose") in ORIGINALS


@BOOK.rule(
    "originals-locked",
    BUCKET,
    title="What cannot be made again is locked against deletion",
    remedy="state lock on storage.raw and storage.logs, and retain as long as law or a contract asks",
    severity="medium",
    tier="production",
    level="advisory",
    only=original,
)
def originals_locked(bucket: Resource, view: View) -> Iterator[str]:
    """Advice, since no framework names a lock, and data that people may have erased cannot stand under one."""
    if not view.attached(bucket, LOCK, "bucket", "bucket"):
        yield "has no lock: who may write may also delete"


@BOOK.rule(
    "bucket-lifecycle",
    BUCKET,
    title="Buckets end what is unfinished or outdated",
    remedy="abort incomplete uploads and expire noncurrent versions",
    severity="medium",
)
def bucket_lifecycle(bucket: Resource, view: View) -> Iterator[str]:
    """Unfinished uploads and old versions cost money and nobody sees them."""
    rows = view.attached(bucket, "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "bucket", "bucket")
    rules = [rule for row in rows for rule in get(row, "rules", []) if rule.get("status") == "Enabled"]
    for part in ("abortIncompleteMultipartUpload", "noncurrentVersionExpiration"):
        if not any(rule.get(part) for rule in rules):
            yield f"no lifecycle rule has {part}"
