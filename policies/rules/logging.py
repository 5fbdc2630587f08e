"""What happens is written down, and kept."""

from collections.abc import Iterator

from graph.model import Resource
from policies.model import Book, View, get

BOOK = Book("logging")
NEEDED = frozenset({"api", "audit", "authenticator"})
PRODUCTION_DAYS = 365
"""Days that logs are kept in production; the figure Checkov's CKV_AWS_338 asks for."""


@BOOK.rule(
    "cluster-logs", "aws:eks/cluster:Cluster", title="The control plane writes its logs", remedy="enable api, audit and authenticator logs"
)
def cluster_logs(cluster: Resource, view: View) -> Iterator[str]:
    """Who asked the API for what."""
    if missing := NEEDED - set(get(cluster, "enabledClusterLogTypes", [])):
        yield f"does not write {', '.join(sorted(missing))} logs"


@BOOK.rule("flow-logs", "aws:ec2/vpc:Vpc", title="Networks write flow logs", remedy="add a flow log of all traffic")
def flow_logs(vpc: Resource, view: View) -> Iterator[str]:
    """Accepted and rejected traffic alike."""
    rows = view.attached(vpc, "aws:ec2/flowLog:FlowLog", "vpcId")
    if not any(get(row, "trafficType") == "ALL" for row in rows):
        yield "has no flow log of all traffic"


@BOOK.rule(
    "log-retention",
    "aws:cloudwatch/logGroup:LogGroup",
    title="Logs are kept for a stated time",
    remedy="set retentionInDays; 365 or more in production",
    severity="medium",
)
def log_retention(group: Resource, view: View) -> Iterator[str]:
    """Stated everywhere, a year in production."""
    days = get(group, "retentionInDays", 0)
    if not days:
        yield "is kept for ever: no retention is set"
    elif view.tier == "production" and days < PRODUCTION_DAYS:
        yield f"is kept for {days} days, less than {PRODUCTION_DAYS}"


@BOOK.rule(
    "bucket-access-logs",
    "aws:s3/bucket:Bucket",
    title="Buckets log who reads them",
    remedy="add access logging to a bucket of its own",
    severity="low",
    level="advisory",
)
def bucket_access_logs(bucket: Resource, view: View) -> Iterator[str]:
    """All but the bucket that takes the logs."""
    token = "aws:s3/bucketLogging:BucketLogging"
    if not view.attached(bucket, token, "bucket", "bucket") and not view.attached(bucket, token, "targetBucket", "bucket"):
        yield "writes no access log"


@BOOK.rule(
    "database-logs", "aws:rds/instance:Instance", title="Databases write their logs", remedy="export postgresql logs", severity="medium"
)
def database_logs(database: Resource, view: View) -> Iterator[str]:
    """Connections and statements, as the parameter group has them."""
    if "postgresql" not in get(database, "enabledCloudwatchLogsExports", []):
        yield "exports no postgresql log"
