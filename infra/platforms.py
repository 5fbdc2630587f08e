"""Every kind of platform there is, and which one a stack file is of."""

from collections.abc import Mapping
from typing import Any

from infra.any_platform import AnyPlatform
from infra.aws.given_platform import AwsGivenPlatform
from infra.aws.platform import GIVEN, AwsPlatform, whose
from infra.onprem.platform import OnPremPlatform
from infra.serving import ServingStack, is_serving

PLATFORMS: Mapping[str, type[AnyPlatform]] = {"aws": AwsPlatform, "onprem": OnPremPlatform}
"""The model of a platform by its `site.cloud`."""

ON_GIVEN_CLUSTERS: Mapping[type[AnyPlatform], type[AnyPlatform]] = {AwsPlatform: AwsGivenPlatform}
"""The model in place of another when the file's cluster is one that others own."""

AnyStack = AnyPlatform | ServingStack
"""What a stack file may be: a platform of any kind, or what is served on one."""

MODELS: tuple[type[AnyStack], ...] = (AwsPlatform, AwsGivenPlatform, OnPremPlatform, ServingStack)
"""Every model, in the order in which a reader meets them."""


def platform_model(data: Mapping[str, Any]) -> type[AnyPlatform] | None:
    """The model that a platform's data is meant for, or None where its kind of site is not known."""
    site = data.get("site")
    cloud = site.get("cloud") if isinstance(site, dict) else None
    model = PLATFORMS.get(cloud) if isinstance(cloud, str) else None
    given = model is not None and whose(data.get("cluster")) == GIVEN
    return ON_GIVEN_CLUSTERS.get(model, model) if model is not None and given else model


def model_of(data: Mapping[str, Any]) -> type[AnyStack] | None:
    """The model that the data of a stack file is meant for, or None where its kind of site is not known."""
    return ServingStack if is_serving(data) else platform_model(data)
