"""Offerings, prices and device models are what their sources say; what no source says stays unknown."""

import gzip
import json
from collections import defaultdict
from datetime import date
from functools import cache
from pathlib import Path

import moto.ec2
import pytest

from components.accelerators import aws_machines
from components.aws.regions import REGIONS
from components.catalogue.devices import devices
from components.catalogue.offerings import not_offered, where_offered, zone_id, zones_of, zones_offering
from components.catalogue.prices import anywhere, on_demand
from components.catalogue.tables import rows

OFFERINGS = Path(moto.ec2.__file__).parent / "resources" / "instance_type_offerings"


@cache
def offered(kind: str, region: str) -> dict[str, set[str]]:
    """Zone to machines, as EC2 answered for a region; `kind`: availability-zone | availability-zone-id."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in json.loads(gzip.decompress((OFFERINGS / kind / f"{region}.json.gz").read_bytes())):
        found[row["Location"]].add(row["InstanceType"])
    return found


KNOWN = [region for region in REGIONS if (OFFERINGS / "availability-zone-id" / f"{region}.json.gz").is_file()]
ACCELERATED = sorted(name for name, machine in aws_machines().items() if machine.accelerator)


def test_every_zone_of_a_known_region_is_there_under_a_name_that_offers_the_same() -> None:
    assert len(KNOWN) >= 28
    for region in KNOWN:
        by_id, by_name = offered("availability-zone-id", region), offered("availability-zone", region)
        assert set(zones_of(region)) == set(by_id), region
        for known, name in zones_of(region).items():
            assert not name or by_name[name] == by_id[known], (region, name)


def test_offerings_are_those_of_ec2() -> None:
    for region in KNOWN:
        by_id = offered("availability-zone-id", region)
        for machine in ACCELERATED:
            assert zones_offering(machine, region) == {zone for zone, held in by_id.items() if machine in held}, (machine, region)


def test_a_region_without_a_stored_answer_is_unknown_and_refuses_nothing() -> None:
    (unknown, *_) = sorted(set(REGIONS) - set(KNOWN))
    assert zones_offering("p5.48xlarge", unknown) is None
    assert not_offered("p5.48xlarge", unknown, [f"{unknown}a"]) == ()


def test_names_that_depend_on_the_account_are_never_judged() -> None:
    assert zone_id("us-west-2", "us-west-2a") is None
    assert zone_id("us-west-2", "usw2-az1") == "usw2-az1"
    assert zone_id("us-east-2", "us-east-2a") == "use2-az1"
    missing = set(zones_of("us-west-2")) - (zones_offering("p5e.48xlarge", "us-west-2") or set())
    assert missing
    assert not_offered("p5e.48xlarge", "us-west-2", ["us-west-2a", "us-west-2b", "us-west-2c", "us-west-2d"]) == ()
    assert set(not_offered("p5e.48xlarge", "us-west-2", sorted(zones_of("us-west-2")))) == missing


def test_a_machine_that_a_region_does_not_sell_is_in_no_zone_of_it_by_any_name() -> None:
    assert zones_offering("p6-b300.48xlarge", "us-west-1") == frozenset()
    assert not_offered("p6-b300.48xlarge", "us-west-1", ["us-west-1a", "us-west-1b"]) == ("us-west-1a", "us-west-1b")
    assert where_offered("p6-b300.48xlarge", "us-west-1") == "no zone of us-west-1"


def test_zones_are_told_by_name_where_names_are_certain() -> None:
    assert where_offered("g6.xlarge", "us-east-2").startswith("us-east-2a")
    assert where_offered("p5.48xlarge", "us-west-2").startswith("usw2-az1")


def test_prices_have_a_source_and_a_date_and_are_never_zero() -> None:
    for row in rows("aws_prices"):
        price = on_demand(row["machine"], row["region"])
        assert price is not None
        assert price.usd_per_hour > 0
        assert price.source
        assert price.confidence in ("high", "medium", "low")
        assert price.as_of == "undated" or date.fromisoformat(price.as_of) > date(2024, 1, 1)
        assert row["machine"] in ACCELERATED
        assert row["region"] in REGIONS


def test_a_price_that_no_table_has_is_unknown() -> None:
    assert on_demand("trn2.48xlarge", "us-west-2") is None
    priced = {row["machine"] for row in rows("aws_prices") if row["region"] == "us-east-1"}
    assert set(ACCELERATED) - priced <= {"p5e.48xlarge", "trn2.48xlarge", "trn2.3xlarge", "p5en.48xlarge", "p6-b300.48xlarge"}


def test_every_accelerator_of_a_machine_is_a_known_device_and_every_device_is_used() -> None:
    assert {machine.accelerator for machine in aws_machines().values() if machine.accelerator} == set(devices())


def test_watts_are_known_with_a_source_or_unknown() -> None:
    assert devices()["h100"].board_watts == 700
    assert devices()["trainium2"].board_watts is None
    for device in devices().values():
        assert (device.board_watts is None) == (not device.watts_source), device.name
        assert device.board_watts is None or 30 < device.board_watts < 2_000


@pytest.mark.parametrize(
    ("machine", "resource"),
    [
        ("g6e.12xlarge", "nvidia.com/gpu"),
        ("trn2.48xlarge", "aws.amazon.com/neuron"),
        ("inf2.xlarge", "aws.amazon.com/neuron"),
        ("m7i.large", ""),
    ],
)
def test_the_resource_of_a_machine(machine: str, resource: str) -> None:
    assert aws_machines()[machine].resource == resource


def test_a_price_of_another_region_says_so() -> None:
    assert anywhere("g6e.4xlarge", "us-east-1") == anywhere("g6e.4xlarge", "eu-north-1")
    found = anywhere("p5.48xlarge", "us-west-2")
    assert found
    assert found[1] == "us-west-2"
    assert anywhere("m7i.large", "us-west-2") is None
