"""What others own and a platform on AWS stands on: rules it must keep, and what a review says of it."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from components.aws.network.existing import ExistingVpcArgs
from components.given import given
from components.spec import Problem
from infra.notes import Note


def zones_of_site(network: ExistingVpcArgs, zones: Sequence[str]) -> Iterator[Problem]:
    """A problem for each given subnet outside the site, and for each zone of the site without a private one."""
    listed = ", ".join(zones)
    for tier, subnets in (("private", network.private), ("isolated", network.isolated)):
        for zone in subnets:
            if zone not in zones:
                text = f"is in no zone of the site, which has {listed}: remove it, or add {zone} to site.zones"
                yield Problem(("network", "existing", tier, zone), text)
    for zone in zones:
        if zone not in network.private:
            text = f"has no subnet in {zone}: name one, or remove {zone} from site.zones"
            yield Problem(("network", "existing", "private"), text)


def notes(platform: BaseModel) -> Iterator[Note]:
    """One row for each part of a stack file that names things of others."""
    parts: dict[str, list[str]] = {}
    for thing in given(platform):
        parts.setdefault(str(thing.place[0]), []).append(f"{thing.what} {thing.value}")
    for part, named in parts.items():
        yield Note(part, f"given, not managed: {', '.join(named)}; referred to, never tagged, routed or changed here")
