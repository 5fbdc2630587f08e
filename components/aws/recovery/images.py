"""The image repositories of the recovery region."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.stores import untagged_expiry
from components.aws.values import Days
from components.contracts import Context
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


class ImageReplicas(AwsComponent):
    """A repository for each of the site's, of the same name: ECR would make missing ones itself, mutable and without a key of ours."""

    def __init__(
        self,
        name: str,
        names: Mapping[str, str],
        *,
        untagged_after: Days,
        protect: bool,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ImageReplicas", name, context, opts)
        key = self.key("images", protect=protect)
        self.repositories = tuple(self._repository(role, physical, key, protect) for role, physical in names.items())
        for role, repository in zip(names, self.repositories, strict=True):
            aws.ecr.LifecyclePolicy(
                f"{name}-{role}-lifecycle", repository=repository.name, policy=untagged_expiry(untagged_after.days), opts=self.child()
            )
        self.register_outputs({})

    def _repository(self, role: str, physical: str, key: "aws.kms.Key", protect: bool) -> "aws.ecr.Repository":
        return aws.ecr.Repository(
            f"{self.prefix}-{role}",
            name=physical,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
            force_delete=not protect,
            tags=self.tags(role),
            opts=self.child(protect=protect),
        )
