"""What the parts of a platform on AWS call from its VPC."""

from typing import TYPE_CHECKING

from components.aws.cluster.services import called
from components.aws.network.endpoints import NODE_SERVICES
from infra.aws.node_room import features

if TYPE_CHECKING:
    from infra.aws.platform import AwsPlatform

STREAM_SERVICES = ("athena", "glue", "kinesis-streams")
"""What pods that write to streams, and read tables, call."""


def services(platform: "AwsPlatform") -> tuple[str, ...]:
    """Every AWS service that is called from the VPC, sorted; S3 apart, which always has a gateway."""
    secrets = {"secretsmanager"} if "external-secrets" in platform.operators.install else set()
    told = {"sns"} if platform.alerts and platform.alerts.tells_topic else set()
    streams = STREAM_SERVICES if platform.streams else ()
    return tuple(sorted({*NODE_SERVICES, *called(platform.cluster, features(platform.storage)), *secrets, *told, *streams}))
