"""Judgements between a platform's storage and the rest of it on AWS. Pure functions."""

from collections.abc import Iterator

from components.aws.registry.registry import RegistryArgs
from components.aws.storage.buckets import BucketsArgs
from components.spec import Problem

Path = tuple[str | int, ...]


def foreign_keys(storage: BucketsArgs, region: str) -> Iterator[Problem]:
    """A problem for each existing key of another region: S3 encrypts a bucket only with keys of the bucket's own."""
    for path, arn in _given_keys(storage):
        home = arn.split(":")[3]
        if home != region:
            yield Problem(
                ("storage", *path), f"is a key of {home}, and the site is in {region}: name a key of that region, or its replica there"
            )


def _given_keys(storage: BucketsArgs) -> Iterator[tuple[Path, str]]:
    for domain, key in storage.keys.items():
        if key.existing:
            yield ("keys", domain, "existing"), key.existing
    for purpose, bucket in storage.existing.items():
        yield ("existing", purpose, "key"), bucket.key


def said_of_given_artifacts(storage: BucketsArgs, registry: RegistryArgs) -> Iterator[Problem]:
    """A problem when a stack file says how an existing bucket of artifacts is kept."""
    if "artifacts" in storage.existing and "artifacts" in registry.model_fields_set:
        text = "would change an existing bucket, which is never modified: remove it, or storage.existing.artifacts"
        yield Problem(("registry", "artifacts"), text)
