"""A bucket that someone else made and keeps."""

from collections.abc import Mapping

import pulumi

from components.aws.keys import EncryptionKey, GivenKey
from components.aws.storage.retention import GivenBucketArgs


class GivenBucket:
    """An existing bucket; satisfies components.contracts.ObjectStore. It makes nothing and asks the cloud nothing."""

    def __init__(self, args: GivenBucketArgs, *, region: str) -> None:
        self.name = args.bucket
        self.region = region
        self.encryption_key: EncryptionKey | None = GivenKey(args.key)

    @property
    def bucket(self) -> pulumi.Output[str]:
        """The bucket's name."""
        return pulumi.Output.from_input(self.name)

    @property
    def arn(self) -> pulumi.Output[str]:
        """The bucket's ARN."""
        return pulumi.Output.from_input(f"arn:aws:s3:::{self.name}")

    @property
    def uri(self) -> pulumi.Output[str]:
        """s3://<bucket>, without a trailing slash."""
        return pulumi.Output.from_input(f"s3://{self.name}")

    @property
    def environment(self) -> Mapping[str, pulumi.Input[str]]:
        """The region, in both spellings that S3 clients read."""
        return {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
