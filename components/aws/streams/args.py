"""Arguments of streams and of the lake they fill."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from components.aws.storage.retention import BucketArgs
from components.aws.values import LogRetention
from components.kubernetes.vocabulary import Namespace, ObjectName
from components.spec import Duration, Name, Problem, Size, Spec, rule

COLUMN_TYPES = (
    "boolean, tinyint, smallint, int, bigint, float, double, string, binary, date, timestamp, decimal(p,s), or array<one of these>"
)
_SCALAR = r"(?:boolean|tinyint|smallint|int|bigint|float|double|string|binary|date|timestamp|decimal\(([0-9]{1,2}),([0-9]{1,2})\))"
HOUR = "hour"
"""The partition that every table has: when records arrived, in UTC."""
PARTITIONABLE = ("string", "int", "bigint")
"""Types whose values can stand in a key of S3 as they are."""


def _column_type(text: str) -> str:
    found = re.fullmatch(rf"{_SCALAR}|array<{_SCALAR}>", text)
    if not found:
        raise ValueError(f"is no column type of the catalogue: write {COLUMN_TYPES}")
    precision, scale = (found[1] or found[3]), (found[2] or found[4])
    if precision and not 1 <= int(precision) <= 38:
        raise ValueError(f"has {precision} digits: a decimal has 1 to 38, such as decimal(18,4)")
    if precision and int(scale) > int(precision):
        raise ValueError(f"has more digits after the point than digits: lower {scale} to {precision} or less")
    return text


def _kept(value: Duration) -> Duration:
    if value.value % 3_600_000 or not 86_400 <= value.seconds <= 365 * 86_400:
        raise ValueError("must be whole hours between 24h and 365d, what Kinesis keeps")
    return value


def _buffered(value: Duration) -> Duration:
    if value.value % 1_000 or not 60 <= value.seconds <= 900:
        raise ValueError("must be between 60s and 15m, what Firehose waits when it converts records")
    return value


def _late(value: Duration) -> Duration:
    if value.value % 1_000 or not 60 <= value.seconds <= 86_400:
        raise ValueError("must be between 60s and 24h")
    return value


def _scanned(value: Size) -> Size:
    if value.value < 10 * 2**20:
        raise ValueError("must be 10MiB or more, the least that Athena can be held to")
    return value


ColumnName = Annotated[str, StringConstraints(max_length=128, pattern=r"^[a-z][a-z0-9_]*$")]
ColumnType = Annotated[str, AfterValidator(_column_type)]


class Client(Spec):
    """Pods that use a stream: those of one service account."""

    namespace: Namespace
    """Namespace of the service account."""
    service_account: ObjectName
    """Name of the service account."""


class StreamArgs(Spec):
    """One stream of records, and the table they end in."""

    columns: Annotated[dict[ColumnName, ColumnType], Field(min_length=1)]
    """Columns of the table by name, with their types; a record is one JSON object with these fields."""
    shards: Annotated[int, Field(ge=1, le=500)] | None = None
    """Shards that are held ready, 1 MiB/s in and 2 MiB/s out each; absent lets the stream follow its traffic."""
    retention: Annotated[Duration, AfterValidator(_kept)] = Duration("24h")
    """How long a record can be read again from the stream: 24h to 365d."""
    partition_by: ColumnName | None = None
    """A column whose value parts the files further, beside the hour; a query must then name values of it."""
    buffer: Annotated[Duration, AfterValidator(_buffered)] = Duration("5m")
    """How long records are gathered into one file: 60s to 15m."""
    late_after: Annotated[Duration, AfterValidator(_late)] = Duration("30m")
    """Age of the oldest record not yet read or delivered at which people are told."""
    producers: dict[Name, Client] = {}
    """Who may put records into the stream."""
    consumers: dict[Name, Client] = {}
    """Who may read the stream, and put aside what they cannot work off. Lease tables of the Kinesis Client Library are their own."""

    @rule("columns")
    def _hour_is_taken(self) -> Iterator[Problem]:
        if HOUR in self.columns:
            yield Problem(("columns", HOUR), "is the name of the partition that every table has: rename the column")

    @rule("columns", "partition_by")
    def _partition_is_a_column(self) -> Iterator[Problem]:
        if self.partition_by is None:
            return
        kind = self.columns.get(self.partition_by)
        if kind is None:
            yield Problem(("partition_by",), f"is no column: name one of {', '.join(self.columns)}, or add it to columns")
        elif kind not in PARTITIONABLE:
            yield Problem(("partition_by",), f"is a {kind}: only {', '.join(PARTITIONABLE)} part files; choose another column")
        elif len(self.columns) == 1:
            yield Problem(("columns",), "leave nothing in the files beside the partition: add a column")

    @rule("buffer", "late_after")
    def _late_is_later_than_the_buffer(self) -> Iterator[Problem]:
        if self.late_after.seconds < 2 * self.buffer.seconds:
            text = f"is less than two buffers of {self.buffer}, so every file would be late: raise it, or lower buffer"
            yield Problem(("late_after",), text)


class StreamsArgs(Spec):
    """Streams of records that become tables: Kinesis, delivered by Firehose as Parquet, catalogued by Glue, queried by Athena."""

    streams: Annotated[dict[Name, StreamArgs], Field(min_length=1)]
    """Streams by name."""
    scanned_at_most: Annotated[Size, AfterValidator(_scanned)] = Size("1TiB")
    """What one query may read; Athena ends it beyond."""
    results: BucketArgs = BucketArgs(expire_after=Duration("30d"), keep_versions=Duration("1d"))
    """The bucket of query results."""
    analysts: dict[Name, Client] = {}
    """Who may query the tables."""
    log_retention: LogRetention = Duration("365d")
    """How long delivery errors are kept in the log."""
    protect: bool = True
    """Whether the key and the bucket of results refuse deletion."""

    @rule("streams")
    def _clients_told_apart(self) -> Iterator[Problem]:
        taken: dict[str, str] = {}
        for name, stream in self.streams.items():
            for kind, clients in (("producer", stream.producers), ("consumer", stream.consumers)):
                for client in clients:
                    earlier = taken.setdefault(f"{name}-{kind}-{client}", name)
                    if earlier != name:
                        text = f"has the name that a client of stream {earlier} has, since both are put together: rename it or the stream"
                        yield Problem(("streams", name, f"{kind}s", client), text)
