"""All streams of a platform, the lake they fill, and who may use either."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.alarms.topic import AlarmTopic
from components.aws.base import AwsComponent
from components.aws.cluster.facts import AwsCluster
from components.aws.documents.keys import key_for_logs
from components.aws.documents.statements import Statement
from components.aws.documents.streams import consumes, produces, queries
from components.aws.storage.bucket import Bucket
from components.aws.storage.buckets import ObjectStorage
from components.aws.streams.args import Client, StreamArgs, StreamsArgs
from components.aws.streams.lake import Lake
from components.aws.streams.stream import Stream
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class Streams(AwsComponent):
    """Streams under one key; records end in `storage.landing`, under the key of that bucket."""

    def __init__(
        self,
        name: str,
        args: StreamsArgs,
        *,
        cluster: AwsCluster,
        storage: ObjectStorage,
        topic: AlarmTopic,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Streams", name, context, opts)
        self.args, self.cluster, self.topic = args, cluster, topic
        logs = key_for_logs(self.account, self.region, Stream.log_name(context, "*"))
        self.streams_key = self.key("streams", logs, protect=args.protect)
        results = self._results(storage.access_logs)
        self.lake = Lake(
            f"{name}-lake",
            data=storage.landing,
            results=results,
            scanned_at_most=args.scanned_at_most,
            protect=args.protect,
            context=context,
            opts=self.child(),
        )
        self.streams: Mapping[str, Stream] = {stream: self._stream(stream, spec) for stream, spec in args.streams.items()}
        readable = queries(self.lake.arns(), self.lake.workgroup_arn, results.arn, self.streams_key.arn)
        for analyst, client in args.analysts.items():
            self._bind(f"{name}-analyst-{analyst}", client, readable)
        self.register_outputs({"streams": {stream: made.kinesis.name for stream, made in self.streams.items()}})

    def _results(self, access_logs: Bucket) -> Bucket:
        return Bucket(
            f"{self.prefix}-results",
            self.args.results,
            role="query-results",
            key=self.streams_key,
            access_logs=access_logs,
            protect=self.args.protect,
            context=self.context,
            opts=self.child(),
        )

    def _stream(self, stream: str, args: StreamArgs) -> Stream:
        made = Stream(
            f"{self.prefix}-{stream}",
            args,
            stream=stream,
            key=self.streams_key,
            lake=self.lake,
            topic=self.topic,
            log_retention=self.args.log_retention,
            context=self.context,
            opts=self.child(),
        )
        for producer, client in args.producers.items():
            self._bind(f"{self.prefix}-{stream}-producer-{producer}", client, produces(made.arns))
        for consumer, client in args.consumers.items():
            self._bind(f"{self.prefix}-{stream}-consumer-{consumer}", client, consumes(made.arns))
        return made

    def _bind(self, name: str, client: Client, statements: Sequence[Statement]) -> None:
        self.cluster.grant(name, client.namespace, client.service_account, statements, self)
