"""Streams are encrypted, what they cannot deliver is kept, and somebody is told when they run late."""

from collections.abc import Callable, Iterator
from typing import Any

from graph.model import Resource
from policies.model import Book, View, get
from policies.rules.encryption import keyed

BOOK = Book("streams")
STREAM, DELIVERY = "aws:kinesis/stream:Stream", "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
QUEUE, ALARM = "aws:sqs/queue:Queue", "aws:cloudwatch/metricAlarm:MetricAlarm"
WORKGROUP = "aws:athena/workgroup:Workgroup"


def keeps_records(queue: Resource) -> bool:
    """Whether a queue keeps what consumers of a stream put aside; others hold events of the cloud."""
    return "failed" in str(queue.inputs.get("name", ""))


Keyed = tuple[str, str, str, str, str, Callable[[Resource], bool] | None]
KEYED: tuple[Keyed, ...] = (
    ("stream-key", STREAM, "kmsKeyId", "Streams are encrypted with a customer key", "high", None),
    ("message-key", QUEUE, "kmsMasterKeyId", "Queues are encrypted with a customer key", "medium", None),
)
"""(rule, type, property of the key, title, severity, which resources)."""


def _needs_key(name: str, token: str, key: str, title: str, severity: str, only: Callable[[Resource], bool] | None) -> None:
    @BOOK.rule(name, token, title=title, remedy=f"set {key}, and encryptionType to KMS where there is one", severity=severity, only=only)
    def check(resource: Resource, view: View) -> Iterator[str]:
        off = resource.type == STREAM and get(resource, "encryptionType") != "KMS"
        if off or not keyed(resource, view, key, resource.inputs.get(key)):
            yield "is not encrypted with a customer key"


for row in KEYED:
    _needs_key(*row)


def watched(view: View, metric: str, dimension: str, resource: Resource, output: str = "name") -> bool:
    """Whether an alarm that tells somebody watches a metric of the resource."""
    own = {resource.inputs.get("name"), resource.outputs.get(output)} - {None}

    def watches(alarm: Resource) -> bool:
        dimensions: Any = alarm.inputs.get("dimensions", {})
        of_it = dimensions.get(dimension) in own or resource.urn in alarm.property_dependencies.get("dimensions", ())
        return alarm.inputs.get("metricName") == metric and of_it and bool(alarm.inputs.get("alarmActions"))

    return any(watches(alarm) for alarm in view.of(ALARM))


Told = tuple[str, str, str, str, str, str, Callable[[Resource], bool] | None]
TOLD: tuple[Told, ...] = (
    (
        "stream-lag-alarm",
        STREAM,
        "GetRecords.IteratorAgeMilliseconds",
        "StreamName",
        "Somebody is told when a stream is not read in time",
        "nobody is told when its readers fall behind",
        None,
    ),
    (
        "dead-letter-alarm",
        QUEUE,
        "ApproximateNumberOfMessagesVisible",
        "QueueName",
        "Somebody is told when messages wait in a queue of failures",
        "nobody is told when something is put aside",
        keeps_records,
    ),
)
"""(rule, type, metric, its dimension, title, what is wrong without an alarm, which resources). What nobody reads in time is gone."""


def _needs_alarm(
    name: str, token: str, metric: str, dimension: str, title: str, fault: str, only: Callable[[Resource], bool] | None
) -> None:
    remedy = f"add an alarm on {metric} that has actions"

    @BOOK.rule(name, token, title=title, remedy=remedy, severity="medium", only=only)
    def check(resource: Resource, view: View) -> Iterator[str]:
        if not watched(view, metric, dimension, resource):
            yield fault


for told in TOLD:
    _needs_alarm(*told)


@BOOK.rule(
    "delivery-alarms",
    DELIVERY,
    title="Somebody is told when records are not delivered",
    remedy="add alarms on DeliveryToS3.DataFreshness and, where records are converted, FailedConversion.Records",
    severity="medium",
)
def delivery_alarms(delivery: Resource, view: View) -> Iterator[str]:
    """Late, or in no shape that the table knows."""
    settings = delivery.inputs.get("extendedS3Configuration", {})
    metrics = ["DeliveryToS3.DataFreshness"]
    metrics += ["FailedConversion.Records"] if settings.get("dataFormatConversionConfiguration") else []
    for metric in metrics:
        if not watched(view, metric, "DeliveryStreamName", delivery):
            yield f"nobody is told of {metric}"


@BOOK.rule(
    "delivery-errors",
    DELIVERY,
    title="What cannot be delivered is kept and logged",
    remedy="set errorOutputPrefix and cloudwatchLoggingOptions",
)
def delivery_errors(delivery: Resource, view: View) -> Iterator[str]:
    """Records with a place of their own, and the reason in a log."""
    if not get(delivery, "extendedS3Configuration.errorOutputPrefix"):
        yield "has no place for records that fail"
    if get(delivery, "extendedS3Configuration.cloudwatchLoggingOptions.enabled") is not True:
        yield "does not log why records fail"


@BOOK.rule(
    "query-bounds",
    WORKGROUP,
    title="Queries are bounded, and their results encrypted",
    remedy="enforce the configuration, set bytesScannedCutoffPerQuery and SSE_KMS",
    severity="medium",
)
def query_bounds(workgroup: Resource, view: View) -> Iterator[str]:
    """Enforced, so that no client brings settings of its own."""
    if get(workgroup, "configuration.enforceWorkgroupConfiguration") is not True:
        yield "clients may override its settings"
    if not get(workgroup, "configuration.bytesScannedCutoffPerQuery"):
        yield "a query may read everything"
    if get(workgroup, "configuration.resultConfiguration.encryptionConfiguration.encryptionOption") != "SSE_KMS":
        yield "results are not encrypted with a customer key"
