"""moto takes what the stacks say of streams, tables, queues and alarms, and refuses what is broken."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from graph.model import Graph, Resource
from tests.assertions.graphs import graph

pytestmark = pytest.mark.external

STACK = "prod"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "none")
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="us-west-2")


@pytest.fixture(scope="module")
def prod() -> Graph:
    return graph(STACK)


def of(stack: Graph, token: str) -> list[Resource]:
    found = [r for r in stack.of_type(token) if "stream" in r.urn or "alarms" in r.urn]
    assert found, token
    return found


def pascal(value: Any) -> Any:
    """Inputs as the API spells them; keys of free-form maps are the caller's."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(item) for key, item in value.items()}
    return [pascal(item) for item in value] if isinstance(value, list | tuple) else value


def test_streams_are_taken_and_encrypted(aws: Callable[[str], Any], prod: Graph) -> None:
    kinesis = aws("kinesis")
    for stream in of(prod, "aws:kinesis/stream:Stream"):
        i = stream.inputs
        kinesis.create_stream(StreamName=i["name"], StreamModeDetails={"StreamMode": i["streamModeDetails"]["streamMode"]})
        kinesis.increase_stream_retention_period(StreamName=i["name"], RetentionPeriodHours=i["retentionPeriod"])
        kinesis.start_stream_encryption(StreamName=i["name"], EncryptionType=i["encryptionType"], KeyId=i["kmsKeyId"])
        told = kinesis.describe_stream(StreamName=i["name"])["StreamDescription"]
        assert (told["EncryptionType"], told["RetentionPeriodHours"]) == ("KMS", i["retentionPeriod"])
        with pytest.raises(ClientError):
            kinesis.increase_stream_retention_period(StreamName=i["name"], RetentionPeriodHours=9000)


def test_tables_are_taken_with_their_partitions(aws: Callable[[str], Any], prod: Graph) -> None:
    glue = aws("glue")
    for database in of(prod, "aws:glue/catalogDatabase:CatalogDatabase"):
        glue.create_database(DatabaseInput={"Name": database.inputs["name"]})
    for table in of(prod, "aws:glue/catalogTable:CatalogTable"):
        i = table.inputs
        described = {
            "Name": i["name"],
            "TableType": i["tableType"],
            "Parameters": i["parameters"],
            "PartitionKeys": pascal(i["partitionKeys"]),
            "StorageDescriptor": {
                "Columns": pascal(i["storageDescriptor"]["columns"]),
                "Location": i["storageDescriptor"]["location"],
                "InputFormat": i["storageDescriptor"]["inputFormat"],
                "OutputFormat": i["storageDescriptor"]["outputFormat"],
                "SerdeInfo": pascal(i["storageDescriptor"]["serDeInfo"]),
            },
        }
        glue.create_table(DatabaseName=i["databaseName"], TableInput=described)
        with pytest.raises(ClientError):
            glue.create_table(DatabaseName="not_planned", TableInput=described)
        found = glue.get_table(DatabaseName=i["databaseName"], Name=i["name"])["Table"]
        assert [key["Name"] for key in found["PartitionKeys"]] == [key["name"] for key in i["partitionKeys"]]


def test_deliveries_are_taken(aws: Callable[[str], Any], prod: Graph) -> None:
    firehose = aws("firehose")
    for delivery in of(prod, "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"):
        i, s3 = delivery.inputs, delivery.inputs["extendedS3Configuration"]
        firehose.create_delivery_stream(
            DeliveryStreamName=i["name"],
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": i["kinesisSourceConfiguration"]["kinesisStreamArn"],
                "RoleARN": i["kinesisSourceConfiguration"]["roleArn"],
            },
            ExtendedS3DestinationConfiguration={
                "RoleARN": s3["roleArn"],
                "BucketARN": s3["bucketArn"],
                "Prefix": s3["prefix"],
                "ErrorOutputPrefix": s3["errorOutputPrefix"],
                "BufferingHints": {"SizeInMBs": s3["bufferingSize"], "IntervalInSeconds": s3["bufferingInterval"]},
                "CompressionFormat": s3["compressionFormat"],
                "EncryptionConfiguration": {"KMSEncryptionConfig": {"AWSKMSKeyARN": s3["kmsKeyArn"]}},
                "DynamicPartitioningConfiguration": {"Enabled": s3["dynamicPartitioningConfiguration"]["enabled"]},
                "ProcessingConfiguration": pascal(s3["processingConfiguration"]),
            },
        )
        assert firehose.describe_delivery_stream(DeliveryStreamName=i["name"])["DeliveryStreamDescription"]["DeliveryStreamStatus"]


def test_queues_topics_and_alarms_are_taken(aws: Callable[[str], Any], prod: Graph) -> None:
    sqs, sns, cloudwatch = aws("sqs"), aws("sns"), aws("cloudwatch")
    for queue in of(prod, "aws:sqs/queue:Queue"):
        kept = {"KmsMasterKeyId": queue.inputs["kmsMasterKeyId"], "MessageRetentionPeriod": str(queue.inputs["messageRetentionSeconds"])}
        sqs.create_queue(QueueName=queue.inputs["name"], Attributes=kept)
        with pytest.raises(ClientError):
            sqs.create_queue(QueueName=queue.inputs["name"] + "!", Attributes=kept)
    (topic,) = of(prod, "aws:sns/topic:Topic")
    arn = sns.create_topic(Name=topic.inputs["name"], Attributes={"KmsMasterKeyId": topic.inputs["kmsMasterKeyId"]})["TopicArn"]
    (policy,) = of(prod, "aws:sns/topicPolicy:TopicPolicy")
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy.inputs["policy"])
    assert {s["Resource"] for s in json.loads(policy.inputs["policy"])["Statement"]} == {topic.outputs["arn"]}
    alarms = of(prod, "aws:cloudwatch/metricAlarm:MetricAlarm")
    for alarm in alarms:
        i = alarm.inputs
        cloudwatch.put_metric_alarm(
            AlarmName=i["name"],
            Namespace=i["namespace"],
            MetricName=i["metricName"],
            Dimensions=[{"Name": name, "Value": value} for name, value in i["dimensions"].items()],
            Statistic=i["statistic"],
            ComparisonOperator=i["comparisonOperator"],
            Threshold=i["threshold"],
            Period=i["period"],
            EvaluationPeriods=i["evaluationPeriods"],
            TreatMissingData=i["treatMissingData"],
            AlarmActions=i["alarmActions"],
        )
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == len(alarms)


def test_the_workgroup_is_taken(aws: Callable[[str], Any], prod: Graph) -> None:
    athena = aws("athena")
    (workgroup,) = of(prod, "aws:athena/workgroup:Workgroup")
    chosen = workgroup.inputs["configuration"]
    result = chosen["resultConfiguration"]
    athena.create_work_group(
        Name=workgroup.inputs["name"],
        Configuration={
            "EnforceWorkGroupConfiguration": chosen["enforceWorkgroupConfiguration"],
            "BytesScannedCutoffPerQuery": chosen["bytesScannedCutoffPerQuery"],
            "ResultConfiguration": {
                "OutputLocation": result["outputLocation"],
                "ExpectedBucketOwner": result["expectedBucketOwner"],
                "EncryptionConfiguration": {
                    "EncryptionOption": result["encryptionConfiguration"]["encryptionOption"],
                    "KmsKey": result["encryptionConfiguration"]["kmsKeyArn"],
                },
            },
        },
    )
    assert athena.get_work_group(WorkGroup=workgroup.inputs["name"])["WorkGroup"]["State"] == "ENABLED"
