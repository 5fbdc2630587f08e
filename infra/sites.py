"""The one place that knows which kinds of site there are: a platform of any kind becomes the same contracts."""

from typing import assert_never

from components.labels import Labels
from infra.any_platform import AnyPlatform
from infra.aws import given_site as aws_given
from infra.aws import serving_site as aws_serving
from infra.aws import site as aws
from infra.aws.given_platform import AwsGivenPlatform
from infra.aws.platform import AwsPlatform
from infra.layers import Wiring
from infra.onprem import serving_site as onprem_serving
from infra.onprem import site as onprem
from infra.onprem.platform import OnPremPlatform
from infra.serving import ServingStack
from infra.site import Ground, Site


def build(platform: AnyPlatform, *, project: str, stack: str) -> Site:
    """Make what the platform stands on."""
    labels = Labels(project=project, stack=stack, owner=platform.owner, tier=platform.tier)
    match platform:
        case AwsPlatform():
            return aws.build(platform, labels, project=project, stack=stack)
        case AwsGivenPlatform():
            return aws_given.build(platform, labels, project=project, stack=stack)
        case OnPremPlatform():
            return onprem.build(platform, labels, project=project, stack=stack)
        case _:
            assert_never(platform)


def attach(serving: ServingStack, view: AnyPlatform, wiring: Wiring, *, project: str, stack: str) -> Ground:
    """What the endpoints of a stack stand on, when another stack holds the platform."""
    labels = Labels(project=project, stack=stack, owner=serving.owner, tier=serving.tier)
    match view:
        case AwsPlatform() | AwsGivenPlatform():
            return aws_serving.build(serving, view, wiring, labels, project=project, stack=stack)
        case OnPremPlatform():
            return onprem_serving.build(serving, view, labels, project=project, stack=stack)
        case _:
            assert_never(view)
