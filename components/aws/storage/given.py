"""A bucket that someone else made and keeps."""

from collections.abc import Mapping

import pulumi

from components.aws.keys import EncryptionKey, GivenKey


class GivenBucket:
    """A bucket that this stack does not own; satisfies components.contracts.ObjectStore. It makes nothing and asks the cloud nothing.

    `key` is the ARN of the key that it is encrypted with.
    """

    def __init__(self, name: pulumi.Input[str], *, key: pulumi.Input[str], region: str) -> None:
        self.name = name
        self.region = region
        self.encryption_key: EncryptionKey | None = GivenKey(key)

    @property
    def bucket(self) -> pulumi.Output[str]:
        """The bucket's name."""
        return pulumi.Output.from_input(self.name)

    @property
    def arn(self) -> pulumi.Output[str]:
        """The bucket's ARN."""
        return pulumi.Output.concat("arn:aws:s3:::", self.name)

    @property
    def uri(self) -> pulumi.Output[str]:
        """s3://<bucket>, without a trailing slash."""
        return pulumi.Output.concat("s3://", self.name)

    @property
    def environment(self) -> Mapping[str, pulumi.Input[str]]:
        """The region, in both spellings that S3 clients read."""
        return {"AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}
