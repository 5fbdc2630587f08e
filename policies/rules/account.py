"""The account itself is watched, and what it costs is told. Rails that an organisation owns count when the stack says so."""

from collections.abc import Iterator

from graph.model import Resource
from policies.model import Book, View, get, many
from policies.nodes import MAKERS, POOL_TAG, SERVES, accelerated, always_there, instance_tags, placed_on, pool_of

BOOK = Book("account")
ACCOUNT = "pulumi:providers:aws"
"""Stands for the account and region that a stack works in."""
GUARDRAILS = "groundwork:aws:Guardrails"
ATTACHED = "groundwork:aws:AttachedCluster"
"""Stands for a platform of another stack, which answers for the account."""
TRAIL, TOPIC = "aws:cloudtrail/trail:Trail", "aws:sns/topic:Topic"
FEATURE = "aws:guardduty/detectorFeature:DetectorFeature"
BUDGET, LOCK = "aws:budgets/budget:Budget", "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
WATCHED = frozenset({"EKS_AUDIT_LOGS", "RUNTIME_MONITORING", "EBS_MALWARE_PROTECTION", "S3_DATA_EVENTS"})

RAILS = (
    ("trail", TRAIL, "Somebody records who did what in the account", "no trail records it"),
    ("threats", "aws:guardduty/detector:Detector", "Somebody looks for intruders in the account", "no detector looks"),
    ("records", "aws:cfg/recorderStatus:RecorderStatus", "Somebody records how the account changes", "no recorder runs"),
    ("access", "aws:accessanalyzer/analyzer:Analyzer", "Somebody looks for access from outside", "no analyzer looks"),
)
"""Rail, the type that makes it, the rule's title, and what is wrong without it."""


def given(view: View) -> set[str]:
    """Rails that the stack leaves to others."""
    return {rail for rails in view.of(GUARDRAILS) for rail in many(rails.inputs.get("given"))}


for _rail, _token, _title, _fault in RAILS:

    @BOOK.rule(
        f"account-{_rail}",
        ACCOUNT,
        title=_title,
        remedy=f"state account.{_rail}, or name it in account.given where the organisation owns it",
        tier="production",
        level="advisory",
        within=lambda view: not view.of(ATTACHED),
    )
    def _present(account: Resource, view: View, rail: str = _rail, token: str = _token, fault: str = _fault) -> Iterator[str]:
        """Made in each region that the stack is in, but for a trail, which sees all; or given.

        Advice, since only the account can say what an organisation set up in it.
        """
        if rail not in given(view) and not any(row.provider == account.urn or token == TRAIL for row in view.of(token)):
            yield f"{fault} in this account and region"


@BOOK.rule(
    "trail-whole",
    TRAIL,
    title="Trails see all regions and cannot be forged",
    remedy="set isMultiRegionTrail, enableLogFileValidation, kmsKeyId and a log group",
)
def trail_whole(trail: Resource, view: View) -> Iterator[str]:
    """Every region, files that prove themselves, a customer's key, and events that can be searched."""
    for name, fault in (
        ("isMultiRegionTrail", "misses other regions"),
        ("enableLogFileValidation", "its files do not prove that nobody changed them"),
    ):
        if get(trail, name) is not True:
            yield fault
    if get(trail, "enableLogging", True) is not True:
        yield "is switched off"
    for name, fault in (("kmsKeyId", "is encrypted with a key of S3"), ("cloudWatchLogsGroupArn", "its events cannot be searched")):
        if not view.linked(trail, name) and not get(trail, name):
            yield fault


@BOOK.rule(
    "trail-locked",
    TRAIL,
    title="Nobody can delete what a trail wrote",
    remedy="give its bucket a default retention",
    tier="production",
)
def trail_locked(trail: Resource, view: View) -> Iterator[str]:
    """A lock on the bucket that the trail writes to."""
    for bucket in view.linked(trail, "s3BucketName", "aws:s3/bucket:Bucket"):
        if not view.attached(bucket, LOCK, "bucket", "bucket"):
            yield f"writes to {bucket.name}, which has no lock"


@BOOK.rule(
    "threats-watched",
    "aws:guardduty/detector:Detector",
    title="Clusters, nodes, disks and buckets are watched",
    remedy="enable these features of the detector",
    tier="production",
    level="advisory",
)
def threats_watched(detector: Resource, view: View) -> Iterator[str]:
    """What a GPU platform has that an intruder wants."""
    features = view.attached(detector, FEATURE, "detectorId")
    if missing := WATCHED - {get(row, "name") for row in features if get(row, "status") == "ENABLED"}:
        yield f"does not watch {', '.join(sorted(missing))}"


@BOOK.rule("topic-customer-key", TOPIC, title="Topics are encrypted with a customer key", remedy="set kmsMasterKeyId", severity="medium")
def topic_customer_key(topic: Resource, view: View) -> Iterator[str]:
    """Alerts say what is wrong and where."""
    if not view.linked(topic, "kmsMasterKeyId") and not get(topic, "kmsMasterKeyId", ""):
        yield "is not encrypted with a customer key"


@BOOK.rule(
    "gpu-pool-cost-tag",
    *MAKERS,
    title="Costs of GPU pools can be told apart",
    remedy=f"tag the instances of its launch template, or those of its node class, with {POOL_TAG}",
    only=accelerated,
)
def gpu_pool_cost_tag(maker: Resource, view: View) -> Iterator[str]:
    """On the instances themselves: tags of a node group or pool do not reach them."""
    pool = pool_of(maker)
    if not pool or any(tags.get(POOL_TAG) != pool for tags in instance_tags(maker, view)):
        yield f"its instances do not carry {POOL_TAG}: {pool}"


@BOOK.rule(
    "gpu-pool-budget",
    *MAKERS,
    title="Budgets of GPU pools raise an alarm",
    remedy="state account.budgets.pools for the pool",
    severity="medium",
    advises="nonproduction",
    only=accelerated,
)
def gpu_pool_budget(maker: Resource, view: View) -> Iterator[str]:
    """A budget that counts the pool's tag and tells somebody."""
    wanted = f"user:{POOL_TAG}${pool_of(maker)}"
    for budget in view.of(BUDGET):
        values = [value for row in get(budget, "costFilters", ()) for value in many(row.get("values"))]
        if wanted in values and get(budget, "notifications", ()):
            return
    yield f"no budget counts {wanted.removeprefix('user:')}"


@BOOK.rule(
    "gpu-pool-idle",
    *MAKERS,
    title="GPU pools keep no nodes that nothing runs on",
    remedy="set the pool's min to 0: nodes come when pods ask",
    severity="medium",
    level="advisory",
    only=accelerated,
)
def gpu_pool_idle(maker: Resource, view: View) -> Iterator[str]:
    """Nodes that are always there, where no workload of the stack that always runs is kept on them."""
    pool = pool_of(maker)
    if (kept := always_there(maker)) and not any(placed_on(workload) == pool for workload in view.of(*SERVES)):
        yield f"{kept} nodes are always there, and nothing of this stack is placed on {pool or 'them'}"
