"""What the parts of a platform on AWS ask of one another: features of the cluster, and services that are called from the VPC."""

from components.aws.cluster.addons import Feature
from components.aws.cluster.services import called
from components.aws.network.endpoints import NODE_SERVICES
from infra import aws_room
from infra.aws_platform import AwsPlatform

STREAM_SERVICES = ("athena", "glue", "kinesis-streams")
"""What pods that write to streams, and read tables, call."""


def features(platform: AwsPlatform) -> frozenset[Feature]:
    """What the rest of a platform asks of its cluster."""
    return aws_room.features(platform.storage)


def services(platform: AwsPlatform) -> tuple[str, ...]:
    """Every AWS service that is called from the VPC, sorted; S3 apart, which always has a gateway."""
    secrets = {"secretsmanager"} if "external-secrets" in platform.operators.install else set()
    streams = STREAM_SERVICES if platform.streams else ()
    return tuple(sorted({*NODE_SERVICES, *called(platform.cluster, features(platform)), *secrets, *streams}))
