"""The image repositories of the recovery region."""

from collections.abc import Mapping

import pulumi

from components.aws.base import AwsComponent
from components.aws.registry.repository import repository
from components.aws.values import Days
from components.contracts import Context


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
        self.repositories = tuple(
            repository(self, role, called=physical, key=key.arn, untagged_after=untagged_after, protect=protect)
            for role, physical in names.items()
        )
        self.register_outputs({})
