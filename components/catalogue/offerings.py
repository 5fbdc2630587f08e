"""Offerings of accelerated machines by zone, as far as a stored answer of EC2 says.

Zones are told apart by zone id: in the oldest regions a zone's name means another place in another account.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from components.catalogue.tables import rows

SOURCE = "EC2's offerings as moto 5.2.5 holds them"


@cache
def _offered() -> Mapping[tuple[str, str], frozenset[str]]:
    return {(row["machine"], row["region"]): frozenset(row["zone_ids"].split()) for row in rows("aws_offerings")}


@cache
def _machines() -> frozenset[str]:
    """Machines that the stored answer was asked for."""
    return frozenset(machine for machine, _ in _offered())


@cache
def zones_of(region: str) -> Mapping[str, str]:
    """Zone ids of a region with their names, "" where the name depends on the account; empty for a region that is unknown here."""
    return {row["zone_id"]: row["name"] for row in rows("aws_zones") if row["region"] == region}


def zone_id(region: str, zone: str) -> str | None:
    """The id of a zone given by name or id; None where the name depends on the account, or the zone is not known."""
    return next((known for known, name in zones_of(region).items() if zone in (known, name)), None)


def zones_offering(machine: str, region: str) -> frozenset[str] | None:
    """Ids of the zones that offer the machine, none of them when it is not sold in the region.

    None for a region that is unknown here, and for a machine without accelerators.
    """
    if not zones_of(region) or machine not in _machines():
        return None
    return _offered().get((machine, region), frozenset())


def not_offered(machine: str, region: str, zones: Sequence[str]) -> tuple[str, ...]:
    """Those of the zones, by name or id, that are known not to offer an accelerated machine.

    All of them where the region does not sell it. A name that depends on the account is never counted: what it stands for is unknown.
    """
    offering = zones_offering(machine, region)
    if offering is None:
        return ()
    if not offering:
        return tuple(zones)
    return tuple(zone for zone in zones if (known := zone_id(region, zone)) and known not in offering)


def where_offered(machine: str, region: str) -> str:
    """The zones that offer the machine in words, for a message: by name where names are certain, else by id."""
    known_of = zones_offering(machine, region)
    if known_of is None:
        return "zones that are not known here"
    offering = sorted(known_of)
    return ", ".join(zones_of(region)[known] or known for known in offering) or f"no zone of {region}"


@cache
def _prefixes() -> Mapping[str, str]:
    return {row["zone_id"].partition("-")[0]: row["region"] for row in rows("aws_zones")}


def region_of_zone_id(text: str) -> str | None:
    """The region that a zone id begins with, such as us-west-2 for usw2-az1; None where it is not known here."""
    return _prefixes().get(text.partition("-")[0])
