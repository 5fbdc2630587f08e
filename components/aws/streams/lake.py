"""Lake of the streams: a catalogue of tables over a bucket, and a workgroup that queries them within bounds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.streams import LakeArns
from components.aws.storage.bucket import Store
from components.aws.streams.args import HOUR, StreamArgs
from components.contracts import Context
from components.lazy import lazy
from components.spec import Size

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

PREFIX = "streams/"
"""Where delivered records lie in the bucket; what could not be delivered lies below `streams-failed/`."""
FAILED = "streams-failed/"
PARQUET: Mapping[str, Any] = {
    "input_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "output_format": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "ser_de_info": {"serialization_library": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
"""Source: AWS Glue developer guide, tables of Parquet files."""


def table_name(stream: str) -> str:
    """The table of a stream; the catalogue takes no hyphens without quotes."""
    return stream.replace("-", "_")


def projection(args: StreamArgs, location: str) -> dict[str, str]:
    """Table parameters by which Athena works partitions out instead of asking for them, so nothing has to crawl.

    Source: Athena user guide, "Use partition projection".
    """
    parted = {f"projection.{args.partition_by}.type": "injected"} if args.partition_by else {}
    return {
        "classification": "parquet",
        "projection.enabled": "true",
        f"projection.{HOUR}.type": "date",
        f"projection.{HOUR}.format": "yyyy/MM/dd/HH",
        f"projection.{HOUR}.interval": "1",
        f"projection.{HOUR}.interval.unit": "HOURS",
        f"projection.{HOUR}.range": "NOW-3YEARS,NOW",
        "storage.location.template": f"{location}{below(args)}",
        **parted,
    }


def below(args: StreamArgs) -> str:
    """Where in a table's folder a file lies, as Athena writes it."""
    parted = f"{args.partition_by}=${{{args.partition_by}}}/" if args.partition_by else ""
    return f"{parted}${{{HOUR}}}/"


class Lake(AwsComponent):
    """The catalogue's database, its tables, and the workgroup."""

    def __init__(
        self,
        name: str,
        *,
        data: Store,
        results: Store,
        scanned_at_most: Size,
        protect: bool,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Lake", name, context, opts)
        self.data = data
        self.results = results
        self.database_name = context.naming.name("streams").replace("-", "_")
        self.database = aws.glue.CatalogDatabase(
            f"{name}-database",
            name=self.database_name,
            description="Records that streams delivered",
            tags=self.tags("streams"),
            opts=self.child(),
        )
        self.workgroup_name = context.naming.name("streams", limit=128)
        self._workgroup(scanned_at_most, protect)
        self.register_outputs({"workgroup": self.workgroup_name})

    @property
    def workgroup_arn(self) -> str:
        """ARN of the workgroup."""
        return f"arn:aws:athena:{self.region}:{self.account}:workgroup/{self.workgroup_name}"

    def arns(self, stream: str = "*") -> LakeArns:
        """What statements name of the lake, for the table of one stream or for all."""
        if self.data.encryption_key is None:
            raise TypeError("the bucket that streams fill has a key of its own")
        catalogue = f"arn:aws:glue:{self.region}:{self.account}"
        table = stream if stream == "*" else table_name(stream)
        tables = (f"{catalogue}:catalog", f"{catalogue}:database/{self.database_name}", f"{catalogue}:table/{self.database_name}/{table}")
        return LakeArns(self.region, self.data.arn, self.data.encryption_key.arn, PREFIX, tables)

    def table(self, stream: str, args: StreamArgs) -> "aws.glue.CatalogTable":
        """The table of a stream: its columns, and a partition for each hour."""
        location = pulumi.Output.concat(self.data.uri, f"/{PREFIX}{stream}/")
        kept = {column: kind for column, kind in args.columns.items() if column != args.partition_by}
        descriptor: Any = {**PARQUET, "location": location, "columns": _columns(kept)}
        keys = {args.partition_by: args.columns[args.partition_by]} if args.partition_by else {}
        return aws.glue.CatalogTable(
            f"{self.prefix}-{stream}",
            name=table_name(stream),
            database_name=self.database.name,
            table_type="EXTERNAL_TABLE",
            parameters=location.apply(lambda place: projection(args, place)),
            partition_keys=_columns({**keys, HOUR: "string"}),
            storage_descriptor=descriptor,
            opts=self.child(),
        )

    def _workgroup(self, scanned_at_most: Size, protect: bool) -> "aws.athena.Workgroup":
        key = self.results.encryption_key
        encrypted: Any = {"encryption_option": "SSE_KMS", "kms_key_arn": key.arn} if key else {"encryption_option": "SSE_S3"}
        return aws.athena.Workgroup(
            f"{self.prefix}-workgroup",
            name=self.workgroup_name,
            force_destroy=not protect,
            configuration={
                "enforce_workgroup_configuration": True,
                "publish_cloudwatch_metrics_enabled": True,
                "bytes_scanned_cutoff_per_query": scanned_at_most.value,
                "result_configuration": {
                    "output_location": pulumi.Output.concat(self.results.uri, "/results/"),
                    "expected_bucket_owner": self.account,
                    "encryption_configuration": encrypted,
                },
            },
            tags=self.tags("streams"),
            opts=self.child(),
        )


def _columns(columns: Mapping[str, str]) -> Any:
    return [{"name": name, "type": kind} for name, kind in columns.items()]
