"""Logging rules: what happens is written down, kept, and told to somebody."""

from collections.abc import Iterator, Mapping
from typing import Any

from graph.model import Resource
from policies.model import Book, View, get
from policies.nodes import RELEASE, chart_of

BOOK = Book("logging")
NEEDED = frozenset({"api", "audit", "authenticator"})
PRODUCTION_DAYS = 365
"""Days that logs are kept in production; the figure Checkov's CKV_AWS_338 asks for."""
RULE, ROUTES = "kubernetes:monitoring.coreos.com/v1:PrometheusRule", "kubernetes:monitoring.coreos.com/v1alpha1:AlertmanagerConfig"
STACK = "kube-prometheus-stack"
"""The chart that brings Alertmanager. Where others run it, its routes are theirs and not seen here."""


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


def releases(view: View) -> list[Resource]:
    """Alertmanagers that the stack installs."""
    return [release for release in view.of(RELEASE) if chart_of(release) == STACK]


def severities(rule: Resource) -> set[str]:
    """Severities of the alerts of a rule."""
    rules = [each for group in get(rule, "spec.groups", []) for each in group.get("rules", ())]
    return {str(each.get("labels", {}).get("severity", "")) for each in rules if "alert" in each}


def takes(matcher: Mapping[str, Any], severity: str) -> bool:
    """Whether a matcher lets alerts of a severity pass that say nothing else."""
    listed = matcher.get("value") == severity or (matcher.get("matchType") == "=~" and severity in str(matcher.get("value")).split("|"))
    return matcher.get("name") == "severity" and listed


def receiver(route: Mapping[str, Any], severity: str) -> str:
    """Where a tree of routes leads an alert of a severity."""
    for below in route.get("routes") or ():
        if all(takes(matcher, severity) for matcher in below.get("matchers") or ()):
            return receiver({"receiver": route.get("receiver"), **below}, severity)
    return str(route.get("receiver", ""))


def tells(routes: Resource, severity: str) -> bool:
    """Whether routes lead a severity to a receiver that tells somebody."""
    name = receiver(get(routes, "spec.route", {}), severity)
    return any(each.get("name") == name and len(each) > 1 for each in get(routes, "spec.receivers", []))


@BOOK.rule(
    "alerts-routed",
    RULE,
    title="Alerts reach somebody",
    remedy="state alerts with receivers for page and ticket, or operators.prometheus where others run Prometheus",
    tier="production",
    only=lambda rule: bool(severities(rule)),
    within=lambda view: bool(releases(view)),
)
def alerts_routed(rule: Resource, view: View) -> Iterator[str]:
    """A route beside Alertmanager for each severity of its alerts. Elsewhere the operator lets it see its own namespace alone."""
    places = {get(release, "namespace") for release in releases(view)}
    beside = [routes for routes in view.of(ROUTES) if get(routes, "metadata.namespace") in places]
    for severity in sorted(severities(rule)):
        if not any(tells(routes, severity) for routes in beside):
            yield f"nobody hears its alerts of severity {severity or 'none'}"
