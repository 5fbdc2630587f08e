"""Every kind of platform there is."""

from collections.abc import Mapping

from infra.aws_platform import AwsPlatform
from infra.onprem_platform import OnPremPlatform

AnyPlatform = AwsPlatform | OnPremPlatform
"""A platform of any kind."""

PLATFORMS: Mapping[str, type[AnyPlatform]] = {"aws": AwsPlatform, "onprem": OnPremPlatform}
"""The model of a platform by its `site.cloud`."""
