"""Streams over every stack: encrypted, delivered into a table that finds the files, put aside and told when they fail."""

import json
import re
from typing import Any

import pytest

from graph.model import Graph, Resource
from tests.assertions.graphs import graph, on_aws, platform

STREAM, DELIVERY = "aws:kinesis/stream:Stream", "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
TABLE, ALARM, QUEUE = "aws:glue/catalogTable:CatalogTable", "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:sqs/queue:Queue"
WORKGROUP, TOPIC = "aws:athena/workgroup:Workgroup", "aws:sns/topic:Topic"
STREAMING = [stack for stack in on_aws() if getattr(platform(stack), "streams", None)]


def of(resource: Resource, stack: Graph, token: str) -> list[Resource]:
    """What stands under the same component."""
    return [found for found in stack.of_type(token) if found.parent == resource.parent]


def settings(delivery: Resource) -> Any:
    return delivery.inputs["extendedS3Configuration"]


def test_production_has_streams() -> None:
    assert "prod" in STREAMING
    assert {stack for stack in on_aws() if graph(stack).of_type(STREAM)} == {*STREAMING}


@pytest.mark.parametrize("stack", STREAMING)
def test_every_stream_is_delivered_watched_and_has_a_queue_for_failures(stack: str) -> None:
    made = graph(stack)
    topics = {topic.urn for topic in made.of_type(TOPIC)}
    for stream in made.of_type(STREAM):
        assert stream.inputs["encryptionType"] == "KMS"
        (delivery,) = of(stream, made, DELIVERY)
        assert delivery.inputs["kinesisSourceConfiguration"]["kinesisStreamArn"] == stream.outputs["arn"]
        (queue,) = of(stream, made, QUEUE)
        assert queue.inputs["kmsMasterKeyId"]
        alarms = {alarm.inputs["metricName"]: alarm for alarm in of(stream, made, ALARM)}
        assert alarms.keys() >= {
            "GetRecords.IteratorAgeMilliseconds",
            "DeliveryToS3.DataFreshness",
            "FailedConversion.Records",
            "ApproximateNumberOfMessagesVisible",
        }
        assert all(set(alarm.property_dependencies["alarmActions"]) & topics for alarm in alarms.values())
        assert alarms["ApproximateNumberOfMessagesVisible"].inputs["dimensions"] == {"QueueName": queue.inputs["name"]}


@pytest.mark.parametrize("stack", STREAMING)
def test_files_lie_where_the_table_looks_and_hold_its_columns(stack: str) -> None:
    made = graph(stack)
    tables = {table.inputs["name"]: table for table in made.of_type(TABLE)}
    for delivery in made.of_type(DELIVERY):
        chosen = settings(delivery)
        table = tables[chosen["dataFormatConversionConfiguration"]["schemaConfiguration"]["tableName"]].inputs
        bucket = chosen["bucketArn"].removeprefix("arn:aws:s3:::")
        written = f"s3://{bucket}/{chosen['prefix']}"
        looked = table["parameters"]["storage.location.template"]
        concrete = re.sub(r"!\{partitionKeyFromQuery:(\w+)\}", r"${\1}", written).replace("!{timestamp:yyyy/MM/dd/HH}", "${hour}")
        assert concrete == looked
        assert looked.startswith(table["storageDescriptor"]["location"])
        assert table["parameters"]["projection.hour.format"] == "yyyy/MM/dd/HH"
        partitions = {key["name"] for key in table["partitionKeys"]}
        assert partitions == set(re.findall(r"\$\{(\w+)\}", looked))
        assert not partitions & {column["name"] for column in table["storageDescriptor"]["columns"]}
        assert not chosen["errorOutputPrefix"].startswith(chosen["prefix"].split("!")[0])


@pytest.mark.parametrize("stack", STREAMING)
def test_queries_are_bounded_and_encrypted(stack: str) -> None:
    for workgroup in graph(stack).of_type(WORKGROUP):
        bounds = workgroup.inputs["configuration"]
        assert bounds["enforceWorkgroupConfiguration"] is True
        assert bounds["bytesScannedCutoffPerQuery"] >= 10 * 2**20
        assert bounds["resultConfiguration"]["encryptionConfiguration"]["encryptionOption"] == "SSE_KMS"


@pytest.mark.parametrize("stack", STREAMING)
def test_who_reads_a_stream_may_not_write_it_and_the_other_way_round(stack: str) -> None:
    for policy in graph(stack).of_type("aws:iam/rolePolicy:RolePolicy"):
        actions = {a for s in json.loads(policy.inputs["policy"])["Statement"] for a in s["Action"]}
        if "-consumer-" in policy.name:
            assert {"kinesis:GetRecords", "sqs:SendMessage"} <= actions
            assert not any(action.startswith("kinesis:Put") for action in actions)
        if "-producer-" in policy.name:
            assert "kinesis:PutRecords" in actions
            assert "kinesis:GetRecords" not in actions


@pytest.mark.parametrize("stack", STREAMING)
def test_records_land_with_what_was_not_checked_yet_where_there_is_such_a_bucket(stack: str) -> None:
    made = graph(stack)
    buckets = {bucket.inputs["bucket"]: bucket.inputs["tags"]["groundwork:purpose"] for bucket in made.of_type("aws:s3/bucket:Bucket")}
    landing = "raw" if "raw" in buckets.values() else "datasets"
    assert {buckets[settings(d)["bucketArn"].removeprefix("arn:aws:s3:::")] for d in made.of_type(DELIVERY)} == {landing}


def test_records_land_among_curated_data_without_a_bucket_for_raw_data() -> None:
    from tests.config.fields import data, draw, judged

    platform = judged("aws-data", data("aws-data"))
    assert platform
    (bucket,) = {settings(delivery)["bucketArn"] for delivery in draw(platform).of_type(DELIVERY)}
    assert bucket.endswith("-datasets")
