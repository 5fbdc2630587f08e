"""An object store that someone else runs: what a stack file may say about it, and the contract it keeps."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import pulumi
from pydantic import Field, StringConstraints

from components.kubernetes.credentials import CredentialsArgs
from components.kubernetes.vocabulary import Cidr, Url
from components.spec import Many, Problem, Spec, rule

BucketName = Annotated[str, StringConstraints(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.\-]*[a-z0-9]$")]


class ExistingBucketArgs(Spec):
    """A bucket that exists, and who may use it."""

    bucket: BucketName
    """Name of the bucket."""
    credentials: CredentialsArgs
    """Access key id and secret access key, limited by the store's administrator to this bucket."""


class ExistingStoreArgs(Spec):
    """An object store that speaks S3, with one bucket for models and one for artifacts."""

    endpoint: Url
    """URL of its S3 interface, without a path: "https://s3.example.internal:9000"."""
    region: Annotated[str, StringConstraints(max_length=40, pattern=r"^[a-z0-9\-]+$")] = "us-east-1"
    """Region that requests are signed for; stores without regions take us-east-1."""
    addresses: Annotated[Many[Cidr], Field(min_length=1)]
    """Networks in which the endpoint answers; pods are let out to these alone."""
    models: ExistingBucketArgs
    """Where registered models lie; endpoints only read it."""
    artifacts: ExistingBucketArgs
    """Where the tracking server keeps artifacts."""

    @property
    def port(self) -> int:
        """TCP port of the endpoint."""
        url = urlsplit(self.endpoint)
        return url.port or {"http": 80, "https": 443}[url.scheme]

    @property
    def egress(self) -> tuple[tuple[str, int], ...]:
        """(CIDR, TCP port) pairs that reach the store."""
        return tuple((block, self.port) for block in self.addresses)

    @rule("endpoint")
    def _port_exists(self) -> list[Problem]:
        try:
            self.port  # noqa: B018  # urlsplit judges the port when it is asked for
        except ValueError:
            return [Problem(("endpoint",), f'"{self.endpoint}" names a port above 65535: give the one that the store listens on')]
        return []

    @rule("models", "artifacts")
    def _two_buckets(self) -> list[Problem]:
        if self.models.bucket != self.artifacts.bucket:
            return []
        return [
            Problem(
                ("artifacts", "bucket"), f'"{self.artifacts.bucket}" holds the models too: use two, so that no writer can change a model'
            )
        ]


class ExistingBucket:
    """One bucket of the given store (contract: ObjectStore). It makes nothing."""

    def __init__(self, store: ExistingStoreArgs, args: ExistingBucketArgs) -> None:
        self.store = store
        self.args = args

    @property
    def bucket(self) -> pulumi.Output[str]:
        """The bucket's name."""
        return pulumi.Output.from_input(self.args.bucket)

    @property
    def uri(self) -> pulumi.Output[str]:
        """s3://<bucket>."""
        return pulumi.Output.from_input(f"s3://{self.args.bucket}")

    @property
    def environment(self) -> Mapping[str, pulumi.Input[str]]:
        """What makes an AWS SDK, and the streamer that vLLM loads models with, use this endpoint with path-style requests."""
        return {
            "AWS_ENDPOINT_URL": self.store.endpoint,
            "AWS_REGION": self.store.region,
            "AWS_DEFAULT_REGION": self.store.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING": "0",
        }
