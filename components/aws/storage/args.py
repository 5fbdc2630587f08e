"""What a stack file may say of where data is kept."""

from components.aws.storage.buckets import BucketsArgs


class StorageArgs(BucketsArgs):
    """The platform's buckets and file systems."""
