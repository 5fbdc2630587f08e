"""One stream: Kinesis, its delivery into the lake, a queue for what cannot be worked off, and who is told when it is late."""

from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.alarms.topic import AlarmTopic, Watch, alarm
from components.aws.base import AwsComponent, ServiceRole
from components.aws.documents.statements import document
from components.aws.documents.streams import StreamArns, delivers
from components.aws.documents.trust import trust_service_unconditionally
from components.aws.streams.args import StreamArgs
from components.aws.streams.lake import FAILED, PREFIX, Lake
from components.contracts import Context
from components.lazy import lazy
from components.spec import Duration

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

BUFFER_MIB = 128
"""Size at which a file is written before its time; the most that Firehose takes."""
DEAD_LETTER_DAYS = 14
"""The most that SQS keeps a message."""
LOG_STREAM = "DestinationDelivery"
ENGINE = {"parameter_name": "JsonParsingEngine", "parameter_value": "JQ-1.6"}


def file_prefix(stream: str, args: StreamArgs) -> str:
    """Where Firehose puts a file: the same place that the table's template names."""
    column = args.partition_by
    parted = f"{column}=!{{partitionKeyFromQuery:{column}}}/" if column else ""
    return f"{PREFIX}{stream}/{parted}!{{timestamp:yyyy/MM/dd/HH}}/"


def error_prefix(stream: str) -> str:
    """Where Firehose puts what it could not deliver, by kind of error and day."""
    return f"{FAILED}{stream}/!{{firehose:error-output-type}}/!{{timestamp:yyyy/MM/dd}}/"


def partitioning(args: StreamArgs) -> dict[str, Any]:
    """Arguments by which Firehose reads the partition's value from each record; none without a partition."""
    column = args.partition_by
    if column is None:
        return {}
    query = {"parameter_name": "MetadataExtractionQuery", "parameter_value": f"{{{column}:.{column}}}"}
    return {
        "dynamic_partitioning_configuration": {"enabled": True, "retry_duration": 300},
        "processing_configuration": {"enabled": True, "processors": [{"type": "MetadataExtraction", "parameters": [ENGINE, query]}]},
    }


class Stream(AwsComponent):
    """A Kinesis stream that Firehose delivers as Parquet; `stream` is its name in the stack file."""

    def __init__(
        self,
        name: str,
        args: StreamArgs,
        *,
        stream: str,
        key: "aws.kms.Key",
        lake: Lake,
        topic: AlarmTopic,
        log_retention: Duration,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Stream", name, context, opts)
        self.args, self.stream, self.stream_key, self.lake = args, stream, key, lake
        self.stream_name = context.naming.name(f"stream-{stream}", limit=128)
        self.delivery_name = context.naming.name(f"stream-{stream}", limit=64)
        self.kinesis = self._kinesis()
        self.dead_letters = self._dead_letters()
        logs = self.log_group("logs", self.log_name(context, stream), key, log_retention)
        self._delivery(self._role(), logs)
        self._alarms(topic)
        self.register_outputs({"stream": self.kinesis.name, "dead_letters": self.dead_letters.url})

    @staticmethod
    def log_name(context: Context, stream: str) -> str:
        """The log group of a stream's delivery."""
        return f"/aws/kinesisfirehose/{context.naming.name(f'stream-{stream}', limit=64)}"

    @property
    def arns(self) -> StreamArns:
        """What statements name of the stream. Built from names, so that the documents are whole in a first preview."""
        here = f"{self.region}:{self.account}"
        queue = f"arn:aws:sqs:{here}:{self.context.naming.name(f'stream-{self.stream}-failed', limit=80)}"
        return StreamArns(self.region, f"arn:aws:kinesis:{here}:stream/{self.stream_name}", self.stream_key.arn, queue)

    def _kinesis(self) -> "aws.kinesis.Stream":
        shards = self.args.shards
        return aws.kinesis.Stream(
            f"{self.prefix}-kinesis",
            name=self.stream_name,
            stream_mode_details={"stream_mode": "PROVISIONED" if shards else "ON_DEMAND"},
            shard_count=shards,
            retention_period=self.args.retention.seconds // 3600,
            encryption_type="KMS",
            kms_key_id=self.stream_key.arn,
            # A stream that has registered consumers is not deleted otherwise.
            enforce_consumer_deletion=True,
            tags=self.tags(self.stream),
            opts=self.child(),
        )

    def _dead_letters(self) -> "aws.sqs.Queue":
        return aws.sqs.Queue(
            f"{self.prefix}-failed",
            name=self.context.naming.name(f"stream-{self.stream}-failed", limit=80),
            kms_master_key_id=self.stream_key.arn,
            message_retention_seconds=DEAD_LETTER_DAYS * 86_400,
            tags=self.tags(f"{self.stream}-failed"),
            opts=self.child(),
        )

    def _role(self) -> ServiceRole:
        logs = f"arn:aws:logs:{self.region}:{self.account}:log-group:{self.log_name(self.context, self.stream)}"
        lake = self.lake.arns(self.stream)
        return self.role(
            "delivery",
            document(trust_service_unconditionally("firehose.amazonaws.com")),
            inline=document(*delivers(self.arns, lake, FAILED, logs)),
        )

    def _delivery(self, role: ServiceRole, logs: "aws.cloudwatch.LogGroup") -> "aws.kinesis.FirehoseDeliveryStream":
        log_stream = aws.cloudwatch.LogStream(f"{self.prefix}-log", name=LOG_STREAM, log_group_name=logs.name, opts=self.child())
        table = self.lake.table(self.stream, self.args)
        return aws.kinesis.FirehoseDeliveryStream(
            f"{self.prefix}-delivery",
            name=self.delivery_name,
            destination="extended_s3",
            kinesis_source_configuration={"kinesis_stream_arn": self.kinesis.arn, "role_arn": role.role.arn},
            extended_s3_configuration=self._destination(role, logs, log_stream, table),
            tags=self.tags(self.stream),
            opts=self.child(*role.ready),
        )

    def _destination(
        self,
        role: ServiceRole,
        logs: "aws.cloudwatch.LogGroup",
        log_stream: "aws.cloudwatch.LogStream",
        table: "aws.glue.CatalogTable",
    ) -> Any:
        """Where and how Firehose writes."""
        return {
            "role_arn": role.role.arn,
            "bucket_arn": self.lake.data.arn,
            "kms_key_arn": self.lake.arns(self.stream).bucket_key,
            "prefix": file_prefix(self.stream, self.args),
            "error_output_prefix": error_prefix(self.stream),
            "custom_time_zone": "UTC",
            "buffering_interval": self.args.buffer.seconds,
            "buffering_size": BUFFER_MIB,
            "compression_format": "UNCOMPRESSED",  # Parquet compresses its own columns
            "cloudwatch_logging_options": {"enabled": True, "log_group_name": logs.name, "log_stream_name": log_stream.name},
            "data_format_conversion_configuration": self._conversion(table, role),
            **partitioning(self.args),
        }

    def _conversion(self, table: "aws.glue.CatalogTable", role: ServiceRole) -> dict[str, Any]:
        """From JSON to Parquet by the table's columns."""
        return {
            "enabled": True,
            "input_format_configuration": {"deserializer": {"open_x_json_ser_de": {"case_insensitive": True}}},
            "output_format_configuration": {"serializer": {"parquet_ser_de": {"compression": "SNAPPY"}}},
            "schema_configuration": {
                "database_name": table.database_name,
                "table_name": table.name,
                "role_arn": role.role.arn,
                "region": self.region,
                "version_id": "LATEST",
            },
        }

    def _alarms(self, topic: AlarmTopic) -> None:
        late = self.args.late_after
        kinesis = {"StreamName": self.kinesis.name}
        firehose = {"DeliveryStreamName": self.delivery_name}
        watches = {
            "unread": Watch(
                "AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", kinesis, "Maximum", late.value, f"A reader is more than {late} behind"
            ),
            "undelivered": Watch(
                "AWS/Firehose", "DeliveryToS3.DataFreshness", firehose, "Maximum", late.seconds, f"The oldest record waits more than {late}"
            ),
            "unconverted": Watch(
                "AWS/Firehose", "FailedConversion.Records", firehose, "Sum", 0, "Records do not fit the table's columns", periods=1
            ),
            "failed-waiting": Watch(
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": self.dead_letters.name},
                "Maximum",
                0,
                "A consumer put records aside that it could not work off",
                periods=1,
            ),
            "refused": Watch(
                "AWS/Kinesis", "WriteProvisionedThroughputExceeded", kinesis, "Sum", 0, "Producers are refused: the stream is too small"
            ),
        }
        for role, watch in watches.items():
            alarm(self, role, watch, topic)
