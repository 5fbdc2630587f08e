"""One image repository, alike wherever it stands: tags stay, pushes are scanned, layers are under a key, and what has no tag goes."""

from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.documents.stores import untagged_expiry
from components.aws.values import Days
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


def repository(
    owner: AwsComponent, role: str, *, called: str, key: pulumi.Input[str], untagged_after: Days, keep: int | None = None, protect: bool
) -> "aws.ecr.Repository":
    """The repository `called` as a child `<owner>-<role>`; of its images the newest `keep` stay, or all."""
    made = aws.ecr.Repository(
        f"{owner.prefix}-{role}",
        name=called,
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scan_on_push": True},
        encryption_configurations=[{"encryption_type": "KMS", "kms_key": key}],
        force_delete=not protect,
        tags=owner.tags(role),
        opts=owner.child(protect=protect),
    )
    aws.ecr.LifecyclePolicy(
        f"{owner.prefix}-{role}-lifecycle", repository=made.name, policy=untagged_expiry(untagged_after.days, keep), opts=owner.child()
    )
    return made
