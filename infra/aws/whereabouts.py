"""Ids that tell an account, a region or a zone, held against those of the site. Pure functions.

One walk over all fields finds every ARN and every host of ECR, so a field that is added is judged without a rule of its own.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.regions import REGIONS
from components.catalogue.offerings import region_of_zone_id, zones_of
from components.spec import Problem, Spec
from infra.notes import Note
from infra.reading.faults import did_you_mean, spell
from infra.site_specs import AwsSite

Place = tuple[str | int, ...]
ANY_ACCOUNT: Final[Mapping[str, str]] = {
    "cluster.administrators.*": "an access entry for people may be of another account",
    "cluster.viewers.*": "an access entry for people may be of another account",
    "cluster.teams.*.roles.*": "an access entry for people may be of another account",
    "storage.keys.*.administrators.*": "a security account may administer keys; the key's policy names its roles",
    "storage.keys.*.users.*": "roles of other accounts may read shared data; the key's policy names them",
    "storage.keys.*.existing": "S3 takes a key that another account shares",
    "storage.existing.*.key": "S3 takes a key that another account shares",
    "secrets.key": "Secrets Manager takes a key that another account shares",
    "recovery.notify.*": "topics of other accounts may hear alarms of this one; their policy lets it",
}
"""Fields whose ARNs may be of another account, and why; all others must be of the site's.

Sources: EKS user guide, "Create access entries" (of type STANDARD); KMS developer guide, "Allowing users in other accounts to use a
KMS key"; CloudWatch user guide, "Using Amazon CloudWatch alarms". Principals of `teams` are of the site's account, in which the
providers of a team's stack act. Secrets of pull-through rules are in the rule's account and region (ECR user guide, "Creating a
pull through cache rule"). Accounts and regions of peers (`network.connections`) and of readers of images (`registry.readers`) are
fields of their own. Images may come from ECR of another account or region, where nothing closes the network.
"""
OTHER_REGION: Final = "recovery"
"""The section whose ARNs are of another region, which is judged where it is stated."""
FREE_TEXT: Final = ("endpoints.*.engine.arguments.*", "endpoints.*.probe.request.*")
"""Texts that are passed on as they are: what stands in them is no business of ours."""
ARN: Final = re.compile(r"arn:(?P<partition>[^:]*):(?P<service>[^:]*):(?P<region>[^:]*):(?P<account>[^:]*):(?P<rest>.+)", re.DOTALL)
ECR: Final = re.compile(r"(?P<account>[^./]+)\.dkr\.ecr\.(?P<region>[^./]+)\.(?P<suffix>[^/]+)(/.*)?", re.DOTALL)
IN_REGION: Final[Mapping[str, str]] = {
    "kms": "name a key of that region, or its replica there",
    "secretsmanager": "keep the secret in that region, since rules of pull-through read no other",
    "resource-groups": "name a group of that region, where the reservations are",
}
"""How an ARN of another region is mended, by service."""
IN_ACCOUNT: Final[Mapping[str, str]] = {
    "iam": "name a role of the site's account, which others may assume",
    "secretsmanager": "keep the secret in that account, since rules of pull-through read no other",
    "resource-groups": "name a group of that account, with the reservations that others share",
}
"""How an ARN of another account is mended, by service."""


def misplaced(platform: Spec, site: AwsSite) -> Iterator[Problem]:
    """Problems of every ARN and host of ECR in a stack file, whatever of it is sound."""
    for place, text in texts(platform.__dict__):
        spelt = ".".join(map(str, place))
        if any(fnmatchcase(spelt, field) for field in FREE_TEXT):
            continue
        if found := ARN.fullmatch(text):
            yield from (Problem(place, wrong) for wrong in _arn(found, site, spelt))
        elif found := ECR.fullmatch(text):
            yield from (Problem(place, wrong) for wrong in _registry(found))


def texts(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text of a part of a stack file, with its path."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Spec | Mapping):
        for name, item in (value if isinstance(value, Mapping) else value.__dict__).items():
            yield from texts(item, (*place, name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from texts(item, (*place, index))


def partition(region: str) -> str:
    """The partition of a region. Source: AWS General Reference, "Amazon Resource Names"."""
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def notes(platform: Spec, site: AwsSite) -> Iterator[Note]:
    """One row that names what is of another account, and allowed to be: a typing error would look alike."""
    found = [(place, ARN.fullmatch(text) or ECR.fullmatch(text)) for place, text in texts(platform.__dict__)]
    owners = {spell(place): one["account"] for place, one in found if one and one["account"].isdecimal() and one["account"] != site.account}
    if owners:
        told = ", ".join(f"{place} of {owner}" for place, owner in owners.items())
        yield Note("other accounts", f"{told}: their owners must let this account use them")


def _arn(found: re.Match[str], site: AwsSite, spelt: str) -> Iterator[str]:
    service, home, owner = found["service"], found["region"], found["account"]
    if found["partition"] != (own := partition(site.region)):
        yield f"is of the partition {found['partition']}, and {site.region} is in {own}: write arn:{own}:…"
    elif home and home != site.region and not spelt.startswith(f"{OTHER_REGION}."):
        yield f"is in {home}, and the site is in {site.region}: {IN_REGION.get(service, 'name one of that region')}"
    elif owner.isdecimal() and owner != site.account and not any(fnmatchcase(spelt, field) for field in ANY_ACCOUNT):
        fix = "name a policy of the site's account" if found["rest"].startswith("policy/") else IN_ACCOUNT.get(service)
        yield f"is of account {owner}, and the site is {site.account}: {fix or 'name one of that account'}"


def _registry(found: re.Match[str]) -> Iterator[str]:
    form = "<account of 12 digits>.dkr.ecr.<region>.amazonaws.com"
    if not re.fullmatch("[0-9]{12}", found["account"]) or found["suffix"] != "amazonaws.com":
        yield f"has no host of ECR: it is {form}"
    elif found["region"] not in REGIONS:
        yield f"has a host of ECR in {found['region']}, which is no region: {did_you_mean(found['region'], REGIONS) or form}"


def zone_ids(pools: Mapping[str, GpuPoolArgs | CpuPoolArgs], region: str, under: tuple[str, ...]) -> Iterator[Problem]:
    """A problem for each zone id that is of another region than the site, or known to be of another zone than stands beside it."""
    for name, pool in pools.items():
        for index, way in enumerate(pool.capacity):
            if isinstance(way, str) or way.zone_id is None:
                continue
            place: Place = (*under, name, "capacity", index, "zone_id")
            home = region_of_zone_id(way.zone_id)
            called = zones_of(region).get(way.zone_id)
            if home and home != region:
                yield Problem(place, f"is a zone of {home}, and the site is in {region}: look up the zone of the reservation")
            elif called and called != way.zone:
                yield Problem(place, f"is {called} in every account, and zone says {way.zone}: look up the zone of the reservation")
