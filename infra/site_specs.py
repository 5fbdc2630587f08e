"""Site of a platform: the part of a stack file that decides which other parts there are."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.aws.regions import Region
from components.aws.values import Zone
from components.spec import Many, Name, Problem, Spec, rule

Account = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{12}$"),
    Field(json_schema_extra={"x-form": "12 digits, in quotes"}),
]
"""The id of an AWS account."""


class AwsSite(Spec):
    """An AWS account and the region in it."""

    cloud: Literal["aws"]
    """Which kind of site this is."""
    account: Account
    """The account everything is made in; credentials of any other are refused before anything is touched."""
    region: Region
    """The region, one with EKS."""
    zones: Annotated[Many[Zone], Field(min_length=2, max_length=3)]
    """Availability zones of the region, two or three, each once. EKS needs two."""

    @rule("region", "zones")
    def _zones_of_region(self) -> Iterator[Problem]:
        for index, zone in enumerate(self.zones):
            if zone[:-1] != self.region:
                yield Problem(("zones", index), f"is not in {self.region}: name zones such as {self.region}a, or change the region")

    @rule("zones")
    def _zones_once(self) -> Iterator[Problem]:
        for index, zone in enumerate(self.zones):
            if zone in self.zones[:index]:
                yield Problem(("zones", index), f"names {zone} again: name another zone, or remove it")


class OnPremSite(Spec):
    """A data centre of one's own."""

    cloud: Literal["onprem"]
    """Which kind of site this is."""
    name: Name
    """What the site is called; it stands in names of resources."""
