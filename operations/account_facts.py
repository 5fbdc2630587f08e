"""Facts of a real account and region about the values that a stack file pins. Each question is one call, answered by itself."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from components.accelerators import aws_machines
from components.labels import POOL_TAG
from components.spec import placeholder

Clients = Callable[[str], Any]
"""A client by the name of its service, for the site's account and region."""
Place = tuple[str | int, ...]

IMAGE: Final = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([a-z0-9._/-]+)@(sha256:[0-9a-f]{64})")
RESERVATION: Final = re.compile(r"cr-[0-9a-f]{8,17}")
PARAMETER: Final = "/aws/service/bottlerocket/aws-k8s-{version}{variant}/{architecture}/latest/image_version"
"""Source: terraform-aws-modules/terraform-aws-eks, modules/eks-managed-node-group, and the EKS user guide on Bottlerocket images."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that the account would put at a place of the platform's configuration. `old` is "" where nothing stands."""

    place: Place
    old: str
    new: str
    source: str
    """The call that said so."""
    certain: bool = True
    """Whether it may be written without a person having chosen."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to know that no field holds."""

    subject: str
    text: str


@dataclass(slots=True)
class Findings:
    """What was found. `unanswered` maps a call to why the account did not answer it."""

    suggestions: list[Suggestion] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    unanswered: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pinned:
    """The part of a stack file that is asked about: `data` is its platform as written, `version` the cluster's Kubernetes version.

    `system` is the machine of the system pool, `pools` that of each pool by name, `addons` the managed add-ons of the cluster; version
    and system are "" on a given cluster, which has add-ons of its own.
    """

    data: Mapping[str, Any]
    account: str
    zones: Sequence[str]
    version: str
    system: str
    pools: Mapping[str, str]
    addons: Sequence[str] = ()


Answer = Suggestion | Fact


def identity(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """The account that the credentials are of, wherever the file names the one of the site; images have their own question."""
    found, old = clients("sts").get_caller_identity()["Account"], pinned.account
    if found == old:
        return
    for place, text in leaves(pinned.data):
        if old in text and not IMAGE.fullmatch(text):
            yield Suggestion(place, text, text.replace(old, found), "sts:GetCallerIdentity", certain=placeholder(old))


def zones(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """Zones of the region in this account, with the ids that other accounts know them by."""
    only = [{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    found = {row["ZoneName"]: row["ZoneId"] for row in clients("ec2").describe_availability_zones(Filters=only)["AvailabilityZones"]}
    yield Fact("zones", ", ".join(f"{name} is {found[name]}" for name in sorted(found)))
    for index, zone in enumerate(pinned.zones):
        if zone not in found:
            free = [name for name in sorted(found) if name not in pinned.zones]
            if free:
                yield Suggestion(("site", "zones", index), zone, free[0], "ec2:DescribeAvailabilityZones", certain=False)


def image_release(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """The newest Bottlerocket release that every image of the cluster has."""
    if not pinned.version:
        return
    machines = aws_machines()
    wanted = {("", machines[pinned.system].architecture)}
    wanted |= {
        ("-nvidia" if known.accelerator else "", known.architecture)
        for known in map(machines.__getitem__, pinned.pools.values())
        if not known.neuron
    }
    ssm, found = clients("ssm"), {}
    for variant, architecture in sorted(wanted):
        name = PARAMETER.format(version=pinned.version, variant=variant, architecture=architecture)
        found[name] = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    if len(set(found.values())) > 1:
        yield Fact("image release", "; ".join(f"{name} is {value}" for name, value in found.items()) + ": no release suits all images")
        return
    release, old = next(iter(found.values())), _text(pinned.data, ("cluster", "image_release"))
    if release != old:
        yield Suggestion(("cluster", "image_release"), old, release, "ssm:GetParameter")


def addon_versions(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """The default version of each of the cluster's add-ons for its version of Kubernetes."""
    eks = clients("eks")
    stated = pinned.data.get("cluster", {}).get("addons", {})
    for name in pinned.addons:
        rows = eks.describe_addon_versions(addonName=name, kubernetesVersion=pinned.version)["addons"]
        versions = [version for row in rows for version in row["addonVersions"]]
        default = next((v["addonVersion"] for v in versions if any(c.get("defaultVersion") for c in v["compatibilities"])), None)
        if default and default != stated.get(name, ""):
            place = ("cluster", "addons", name)
            yield Suggestion(place, stated.get(name, ""), default, "eks:DescribeAddonVersions")


def offerings(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """In which zones of the site each machine is offered."""
    machines = sorted({pinned.system, *pinned.pools.values()} - {""})
    pages = clients("ec2").get_paginator("describe_instance_type_offerings")
    only = [{"Name": "instance-type", "Values": machines}]
    found: dict[str, set[str]] = {machine: set() for machine in machines}
    for page in pages.paginate(LocationType="availability-zone", Filters=only):
        for row in page["InstanceTypeOfferings"]:
            found[row["InstanceType"]].add(row["Location"])
    for machine, offered in found.items():
        missing = [zone for zone in pinned.zones if zone not in offered]
        where = ", ".join(sorted(offered)) or "no zone of the region"
        yield Fact(machine, f"is offered in {where}" + (f", not in {', '.join(missing)}" if missing else ""))


def reservations(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """Capacity reservations and blocks that are tagged for a pool; one fills a placeholder when it is the only one."""
    pages = clients("ec2").get_paginator("describe_capacity_reservations")
    for pool, machine in pinned.pools.items():
        only = [
            {"Name": f"tag:{POOL_TAG}", "Values": [pool]},
            {"Name": "state", "Values": ["active", "scheduled", "pending"]},
            {"Name": "instance-type", "Values": [machine]},
        ]
        rows = [row for page in pages.paginate(Filters=only) for row in page["CapacityReservations"]]
        for row in rows:
            told = f"{row['CapacityReservationId']}: {row['TotalInstanceCount']} x {row['InstanceType']} in {row['AvailabilityZone']}"
            yield Fact(f"pool {pool}", f"{told}, {row['State']}")
        holes = [
            place
            for place, text in leaves(pinned.data.get("cluster", {}).get("pools", {}).get(pool, {}))
            if RESERVATION.fullmatch(text) and placeholder(text)
        ]
        for place, row in zip(holes, rows, strict=False):
            whole = ("cluster", "pools", pool, *place)
            sure = len(holes) == len(rows) == 1
            yield Suggestion(
                whole, _text(pinned.data, whole), row["CapacityReservationId"], "ec2:DescribeCapacityReservations", certain=sure
            )


def digests(pinned: Pinned, clients: Clients) -> Iterator[Answer]:
    """The digest of the image that was pushed last, for every image of the account's own registry whose digest is a placeholder."""
    pages = clients("ecr").get_paginator("describe_images")
    for place, text in leaves(pinned.data):
        image = IMAGE.fullmatch(text)
        if not image or not placeholder(text):
            continue
        rows = [row for page in pages.paginate(repositoryName=image[3], filter={"tagStatus": "TAGGED"}) for row in page["imageDetails"]]
        if not rows:
            yield Fact(image[3], "holds no tagged image yet: push one")
            continue
        last = max(rows, key=lambda row: row["imagePushedAt"])
        registry = clients("sts").get_caller_identity()["Account"] if placeholder(image[1]) else image[1]
        new = f"{registry}.dkr.ecr.{image[2]}.amazonaws.com/{image[3]}@{last['imageDigest']}"
        yield Suggestion(place, text, new, f"ecr:DescribeImages, tag {', '.join(last['imageTags'])}")


QUESTIONS: Final[Mapping[str, Callable[[Pinned, Clients], Iterator[Answer]]]] = {
    "account": identity,
    "zones": zones,
    "image release": image_release,
    "add-on versions": addon_versions,
    "offerings": offerings,
    "reservations": reservations,
    "image digests": digests,
}


def ask(pinned: Pinned, clients: Clients, refused: tuple[type[Exception], ...]) -> Findings:
    """Every question, in order; one that the account refuses to answer keeps no other from being asked."""
    found = Findings()
    for name, question in QUESTIONS.items():
        try:
            for answer in question(pinned, clients):
                if isinstance(answer, Suggestion):
                    found.suggestions.append(answer)
                else:
                    found.facts.append(answer)
        except refused as error:
            found.unanswered[name] = str(error)
    return found


def leaves(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text in a document, with its place."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*place, index))


def _text(data: Any, place: Place) -> str:
    """The text at a place, "" where there is none."""
    return next((text for where, text in leaves(data) if where == place), "")
