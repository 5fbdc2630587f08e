"""An object store that someone else runs: what a stack file may say about it, and the contract it keeps."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints

from components.kubernetes.credentials import CredentialsArgs
from components.kubernetes.vocabulary import Cidr
from components.spec import Many, Problem, Spec, rule

BucketName = Annotated[str, StringConstraints(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.\-]*[a-z0-9]$")]
Url = Annotated[str, StringConstraints(max_length=400, pattern=r"^https?://[a-z0-9][a-z0-9.\-]*(:[0-9]{1,5})?$")]


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
