"""Every kind of platform there is."""

from infra.aws.given_platform import AwsGivenPlatform
from infra.aws.platform import AwsPlatform
from infra.onprem.platform import OnPremPlatform

AnyPlatform = AwsPlatform | AwsGivenPlatform | OnPremPlatform
"""A platform of any kind."""
