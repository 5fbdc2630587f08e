"""Wiring of a stack of endpoints on AWS: where its platform's things are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from components.aws.identity.limits import limits_of
from components.contracts import Context

if TYPE_CHECKING:
    from components.aws.cluster.control_plane import Reached
    from components.aws.storage.bucket import Store


def wiring(context: Context, cluster: "Reached", models: "Store") -> Mapping[str, pulumi.Input[str]]:
    """By name; nothing secret. Raises ValueError for a bucket without a key of its own, which workloads never get."""
    if models.encryption_key is None:
        raise ValueError(f"{models!r} has no key")
    return {
        "endpoint": cluster.endpoint,
        "authority": cluster.authority,
        "boundary": limits_of(context).boundary or "",
        "models": models.bucket,
        "models_key": models.encryption_key.arn,
    }
