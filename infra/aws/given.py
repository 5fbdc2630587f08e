"""Given resources of a platform on AWS, which others own: rules it must keep, and what a review says of it."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from pydantic import BaseModel

from components.aws.network.existing import ExistingVpcArgs, SurroundingVpcArgs
from components.aws.registry.registry import RegistryArgs
from components.given import given
from components.spec import Problem
from infra.notes import Note


def needs_database(registry: RegistryArgs | None, who: str) -> Iterator[Problem]:
    """Refuse what needs the database of runs and models where there is none; `who` in words."""
    place = ("registry",) if registry is None else ("registry", "database")
    if registry is None or registry.database is None:
        section = who.partition(",")[0]
        fix = "add it, such as database: {instance_class: db.t4g.medium}"
        yield Problem(place, f"is missing, and is needed for {who}: {fix}, or remove {section}")


def zones_of_site(network: SurroundingVpcArgs, zones: Sequence[str]) -> Iterator[Problem]:
    """A problem for each given subnet outside the site, and for each zone of the site without one for its nodes."""
    private = network.private if isinstance(network, ExistingVpcArgs) else {}
    for tier, subnets in (("private", private), ("isolated", network.isolated)):
        for zone in subnets:
            if zone not in zones:
                text = f"is in no zone of the site, which has {', '.join(zones)}: remove it, or add {zone} to site.zones"
                yield Problem(("network", "existing", tier, zone), text)
    for zone in zones if private else ():
        if zone not in private:
            text = f"has no subnet in {zone}: name one, or remove {zone} from site.zones"
            yield Problem(("network", "existing", "private"), text)


def notes(platform: BaseModel) -> Iterator[Note]:
    """One row for each part of a stack file that names things of others."""
    parts: dict[str, list[str]] = {}
    for thing in given(platform):
        parts.setdefault(str(thing.place[0]), []).append(f"{thing.what} {thing.value}")
    for part, named in parts.items():
        yield Note(part, f"given, not managed: {', '.join(named)}; referred to, never tagged, routed or changed here")


def endpoint_of_region(endpoint: str, region: str) -> Iterator[Problem]:
    """A problem when an EKS endpoint names another region than the site's."""
    host = urlsplit(endpoint).hostname or ""
    if host.endswith(".eks.amazonaws.com") and f".{region}." not in host:
        text = f"is in another region than {region}: name the endpoint of the cluster in {region}, or change site.region"
        yield Problem(("cluster", "existing", "endpoint"), text)
