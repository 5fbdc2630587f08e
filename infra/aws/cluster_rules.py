"""Rules between a platform's cluster on AWS and the rest of its stack file. Pure functions."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

from components.aws.cluster.access_args import named_roles
from components.aws.cluster.addons import AddonName, Feature, wanted
from components.aws.cluster.args import AutoModeArgs, ClusterArgs
from components.aws.cluster.versions import number
from components.aws.values import ROLE_ARN
from components.kubernetes.addons.operators import OperatorsArgs
from components.spec import Problem, Spec
from infra.site_specs import AwsSite

PINNED = "@sha256:"


class Reach(Protocol):
    """What the rules ask of a network, made here or given."""

    @property
    def closed(self) -> bool:
        """Whether nothing in the VPC reaches the internet."""


def own_registry(site: AwsSite) -> str:
    """Host of the account's image registry."""
    return f"{site.account}.dkr.ecr.{site.region}.amazonaws.com"


def deployed_from(account: str, cluster: ClusterArgs) -> Iterator[Problem]:
    """A problem where the role that deploys cannot be among the administrators: providers act in the site's account alone."""
    if all(role.split(":")[4] != account for role in cluster.administrators):
        text = f"has no role of account {account}, and the role that deploys must be one of them: add it; others may be of other accounts"
        yield Problem(("cluster", "administrators"), text)


def images(site: AwsSite, network: Reach, parts: Mapping[str, Any]) -> Iterator[Problem]:
    """Images that nodes of a closed network could not pull; `parts` are sections of the stack file by name."""
    own = own_registry(site)
    for path, image in images_of(parts) if network.closed else ():
        if not image.startswith(f"{own}/"):
            host, _, rest = image.partition("/")
            text = f"comes from {host}, and nothing leaves the network: nodes reach {own} only; push it to one of registry.repositories"
            yield Problem(path, f"{text}, or pull it through one, and name it there, such as {own}/{rest}")


def images_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every image that a part of a stack file names, with its path. Nothing else there has a digest."""
    if isinstance(value, str) and PINNED in value:
        yield path, value
    elif isinstance(value, Spec | Mapping):
        items = value.items() if isinstance(value, Mapping) else value.__dict__.items()
        for name, item in items:
            yield from images_of(item, (*path, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from images_of(item, (*path, index))


def mirror(site: AwsSite, network: Reach, operators: OperatorsArgs, cluster: ClusterArgs | None = None) -> Iterator[Problem]:
    """Whether everything that is installed on a closed cluster has its chart and its images in the account's own registry.

    `cluster` is one that is made here, with what adds its nodes.
    """
    if not network.closed:
        return
    own = own_registry(site)
    autoscaler = [] if cluster is None or isinstance(cluster.autoscaler, AutoModeArgs) else [cluster.autoscaler.kind]
    installed = [*operators.install, *autoscaler]
    if operators.mirror is None and installed:
        text = f"is missing, and nothing leaves the network: nodes could not pull {', '.join(installed)}; copy charts and images to {own}"
        yield Problem(("operators", "mirror"), f"{text}, and name it, such as mirror: {{registry: {own}/mirror}}")
    elif operators.mirror and not operators.mirror.registry.startswith(own):
        text = f"is not the account's own registry, and nothing leaves the network: nodes reach {own} only; copy charts and images there"
        yield Problem(("operators", "mirror", "registry"), f"{text}, and name it, such as {own}/mirror")


def unheld(cluster: ClusterArgs, features: Collection[Feature]) -> list[AddonName]:
    """List the managed add-ons of a cluster that `cluster.addons` holds no version of."""
    auto = isinstance(cluster.autoscaler, AutoModeArgs)
    return [one.name for one in wanted(features, auto_mode=auto) if one.name not in cluster.addons]


def addons_left_behind(cluster: ClusterArgs, features: Collection[Feature]) -> Iterator[Problem]:
    """Refuse an upgrade that would leave add-ons at the version that they were made with.

    EKS updates the version of an add-on only when it is asked to, and no version in the stack file
    asks for nothing. Sources: terraform-aws-modules/terraform-aws-eks#3448; EKS user guide, "Update
    an Amazon EKS add-on": add-ons are not updated when a new version is released, nor after the
    cluster is.
    """
    left, running = unheld(cluster, features), cluster.upgrade_from
    if running is None or number(running) >= number(cluster.version) or not left:
        return
    names = " and ".join(filter(None, (", ".join(left[:-1]), left[-1])))
    yield Problem(
        ("cluster", "addons"),
        f"holds no version of {names}, so the upgrade from {running} to "
        f"{cluster.version} would leave {'it' if len(left) == 1 else 'them'} as they are: run "
        f"`groundwork lookup --write`, which fills in what EKS runs with {cluster.version}, or name "
        "versions from `aws eks describe-addon-versions`",
    )


def unadmitted(principal: str, cluster: ClusterArgs) -> str:
    """Why somebody cannot be made a member of a team by an access entry; empty where they can."""
    entries = {role for _, role, _ in named_roles(cluster.administrators, cluster.viewers, cluster.teams)}
    if not re.fullmatch(ROLE_ARN, principal):
        return f"{principal!r} is no IAM role: give its ARN, such as arn:aws:iam::111122223333:role/deploy-vision"
    if principal in entries:
        return "has an access entry of its own in cluster already, and a role has one: give the team another role, or remove it there"
    return ""
