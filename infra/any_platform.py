"""Every kind of platform there is."""

from infra.aws_given_platform import AwsGivenPlatform
from infra.aws_platform import AwsPlatform
from infra.onprem_platform import OnPremPlatform

AnyPlatform = AwsPlatform | AwsGivenPlatform | OnPremPlatform
"""A platform of any kind."""
