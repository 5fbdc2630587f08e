"""Streams are encrypted, what they cannot deliver is kept, and somebody is told when they run late."""

from collections.abc import Iterator
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


@BOOK.rule("stream-key", STREAM, title="Streams are encrypted with a customer key", remedy="set encryptionType to KMS and kmsKeyId")
def stream_key(stream: Resource, view: View) -> Iterator[str]:
    """Records at rest."""
    if get(stream, "encryptionType") != "KMS" or not keyed(stream, view, "kmsKeyId", stream.inputs.get("kmsKeyId")):
        yield "is not encrypted with a customer key"


@BOOK.rule(
    "message-key",
    QUEUE,
    title="Queues are encrypted with a customer key",
    remedy="set kmsMasterKeyId",
    severity="medium",
)
def message_key(queue: Resource, view: View) -> Iterator[str]:
    """Messages at rest."""
    if not keyed(queue, view, "kmsMasterKeyId", queue.inputs.get("kmsMasterKeyId")):
        yield "is not encrypted with a customer key"


def watched(view: View, metric: str, dimension: str, resource: Resource, output: str = "name") -> bool:
    """Whether an alarm that tells somebody watches a metric of the resource."""
    own = {resource.inputs.get("name"), resource.outputs.get(output)} - {None}

    def watches(alarm: Resource) -> bool:
        dimensions: Any = alarm.inputs.get("dimensions", {})
        of_it = dimensions.get(dimension) in own or resource.urn in alarm.property_dependencies.get("dimensions", ())
        return alarm.inputs.get("metricName") == metric and of_it and bool(alarm.inputs.get("alarmActions"))

    return any(watches(alarm) for alarm in view.of(ALARM))


@BOOK.rule(
    "stream-lag-alarm",
    STREAM,
    title="Somebody is told when a stream is not read in time",
    remedy="add an alarm on GetRecords.IteratorAgeMilliseconds that has actions",
    severity="medium",
)
def stream_lag_alarm(stream: Resource, view: View) -> Iterator[str]:
    """Records that are older than the stream's retention are gone."""
    if not watched(view, "GetRecords.IteratorAgeMilliseconds", "StreamName", stream):
        yield "nobody is told when its readers fall behind"


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
    "dead-letter-alarm",
    QUEUE,
    title="Somebody is told when messages wait in a queue of failures",
    remedy="add an alarm on ApproximateNumberOfMessagesVisible that has actions",
    severity="medium",
    only=keeps_records,
)
def dead_letter_alarm(queue: Resource, view: View) -> Iterator[str]:
    """What a consumer put aside is lost after two weeks."""
    if not watched(view, "ApproximateNumberOfMessagesVisible", "QueueName", queue):
        yield "nobody is told when something is put aside"


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
