"""Replication out of the site's region: objects and images follow to the recovery region."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.replication import End, replicates
from components.aws.documents.statements import document
from components.aws.documents.trust import trust_service_unconditionally
from components.aws.storage.bucket import Bucket
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

MINUTES = 15
"""The one threshold of S3 Replication Time Control. Source: API reference of ReplicationTimeValue."""


def copied(name: str, replica: pulumi.Input[str], key: pulumi.Input[str], *, follow_deletes: bool) -> Any:
    """The one rule of a copied bucket: every object, under the key of where it goes, timed and measured."""
    return {
        "id": name,
        "status": "Enabled",
        "priority": 1,
        "filter": {"prefix": ""},
        "delete_marker_replication": {"status": "Enabled" if follow_deletes else "Disabled"},
        "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
        "destination": {
            "bucket": replica,
            "encryption_configuration": {"replica_kms_key_id": key},
            "metrics": {"status": "Enabled", "event_threshold": {"minutes": MINUTES}},
            "replication_time": {"status": "Enabled", "time": {"minutes": MINUTES}},
        },
    }


class Replication(AwsComponent):
    """Each bucket's objects and the named repositories' images go to the recovery region from now on; what was there before does not.

    A registry has one replication configuration for a region of an account, so of several stacks there one has it: the others give
    `repositories` as None.
    """

    def __init__(
        self,
        name: str,
        buckets: Mapping[str, tuple[Bucket, Bucket]],
        *,
        follow_deletes: bool,
        locked: Collection[str] = (),
        repositories: Sequence[str] | None,
        destination: str,
        after: Sequence[pulumi.Resource],
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Replication", name, context, opts, facts={"given": ["images"]} if repositories is None else None)
        for role, (source, replica) in buckets.items():
            self._objects(role, source, replica, follow_deletes, role in locked)
        if repositories is not None:
            self._images(repositories, destination, after)
        self.register_outputs({})

    def _objects(self, role: str, source: Bucket, replica: Bucket, follow_deletes: bool, locked: bool) -> None:
        ends = (self._end(source), self._end(replica))
        rights = document(*replicates(*ends, locked=locked))
        sender = self.role(role, document(trust_service_unconditionally("s3.amazonaws.com")), inline=rights)
        aws.s3.BucketReplicationConfig(
            f"{self.prefix}-{role}",
            bucket=source.bucket,
            role=sender.role.arn,
            rules=[copied(role, replica.arn, ends[1].key, follow_deletes=follow_deletes)],
            opts=self.child(*sender.ready, *source.copyable, *replica.copyable),
        )

    @staticmethod
    def _end(bucket: Bucket) -> End:
        """Raises TypeError for a bucket without a key of its own."""
        if bucket.encryption_key is None:
            raise TypeError(f"{bucket.prefix} has no key, so its objects cannot be copied under one")
        return End(bucket.arn, bucket.encryption_key.arn, bucket.region)

    def _images(self, repositories: Sequence[str], destination: str, after: Sequence[pulumi.Resource]) -> None:
        filters = [{"filter": name, "filter_type": "PREFIX_MATCH"} for name in repositories]
        rule: Any = {"destinations": [{"region": destination, "registry_id": self.account}], "repository_filters": filters}
        aws.ecr.ReplicationConfiguration(f"{self.prefix}-images", replication_configuration={"rules": [rule]}, opts=self.child(*after))
