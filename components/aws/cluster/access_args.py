"""Arguments of access to a cluster, and the rules between them. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.aws.values import GroupId, RoleArn, SourceCidr
from components.spec import Many, Problem, Spec

NamespacePattern = Annotated[str, StringConstraints(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(-?\*)?$")]
"""A namespace, or the beginning of several with a star, such as vision-*. EKS does not ask whether it exists."""
SYSTEM_NAMESPACES = ("kube-system", "kube-public", "kube-node-lease")
"""Where what runs has rights over the whole cluster, so that whoever edits there has them too."""


class PrivateAccessArgs(Spec):
    """Who may open a connection to the API server inside the VPC, at port 443."""

    ranges: Annotated[Many[SourceCidr], Field(max_length=40)] = ()
    """Address ranges, of this VPC or of networks that are connected to it, up to 40."""
    security_groups: Annotated[Many[GroupId], Field(max_length=20)] = ()
    """Security groups of machines in this VPC or in one that is peered in the same region, up to 20."""

    @property
    def given(self) -> bool:
        """Whether anybody is named."""
        return bool(self.ranges or self.security_groups)


class TeamAccessArgs(Spec):
    """People who work in some namespaces of the cluster, and nowhere else in it."""

    roles: Annotated[Many[RoleArn], Field(min_length=1)]
    """IAM roles that they assume."""
    namespaces: Annotated[Many[NamespacePattern], Field(min_length=1)]
    """Namespaces, or beginnings of several such as vision-*."""
    rights: Literal["view", "edit", "admin"] = "edit"
    """view reads all but secrets; edit also changes workloads and reads secrets; admin also grants rights within the namespaces."""


def problems(administrators: Sequence[str], viewers: Sequence[str], teams: Mapping[str, TeamAccessArgs]) -> Iterator[Problem]:
    """Roles that would have two entries in a cluster, which takes one of each, and namespaces that give away the whole of it."""
    seen: dict[str, str] = {}
    for path, role, said in named_roles(administrators, viewers, teams):
        if earlier := seen.get(role):
            yield Problem(path, f"is {earlier} already, and a cluster has one entry for each role: remove it here or there")
        seen.setdefault(role, said)
    for team, args in teams.items():
        for index, pattern in enumerate(args.namespaces):
            if args.rights != "view" and (hit := [name for name in SYSTEM_NAMESPACES if fnmatchcase(name, pattern)]):
                text = f"takes in {hit[0]}, where add-ons with rights over the whole cluster run: name namespaces of the team's own"
                yield Problem(("teams", team, "namespaces", index), f"{text}, or set rights: view")


def named_roles(
    administrators: Sequence[str], viewers: Sequence[str], teams: Mapping[str, TeamAccessArgs]
) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Every role that is named, with its path and what it is there."""
    for index, role in enumerate(administrators):
        yield ("administrators", index), role, "an administrator"
    for index, role in enumerate(viewers):
        yield ("viewers", index), role, "a viewer"
    for team, args in teams.items():
        for index, role in enumerate(args.roles):
            yield ("teams", team, "roles", index), role, f"of team {team}"
