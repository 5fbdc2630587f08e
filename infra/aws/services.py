"""AWS services that the parts of a platform call from its VPC."""

from typing import Protocol

from components.aws.cluster.args import ClusterArgs
from components.aws.cluster.services import called
from components.aws.network.endpoints import NODE_SERVICES
from components.aws.storage.args import StorageArgs
from components.aws.streams.args import StreamsArgs
from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.alerts.args import AlertsArgs
from infra.aws.node_room import features

STREAM_SERVICES = ("athena", "glue", "kinesis-streams")
"""What pods that write to streams, and read tables, call."""


class Calling(Protocol):
    """The parts of a platform that call AWS services."""

    @property
    def cluster(self) -> ClusterArgs:
        """The cluster and its pools."""

    @property
    def storage(self) -> StorageArgs:
        """Buckets and file systems."""

    @property
    def operators(self) -> OperatorsArgs:
        """What is installed in the cluster."""

    @property
    def alerts(self) -> AlertsArgs | None:
        """Who is told of alerts."""

    @property
    def streams(self) -> StreamsArgs | None:
        """Records that arrive all the time."""


def services(platform: Calling) -> tuple[str, ...]:
    """Every AWS service that is called from the VPC, sorted; S3 apart, which always has a gateway."""
    secrets = {"secretsmanager"} if "external-secrets" in platform.operators.install else set()
    told = {"sns"} if platform.alerts and platform.alerts.tells_topic else set()
    streams = STREAM_SERVICES if platform.streams else ()
    return tuple(sorted({*NODE_SERVICES, *called(platform.cluster, features(platform.storage)), *secrets, *told, *streams}))
