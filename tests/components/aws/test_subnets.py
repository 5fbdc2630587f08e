"""Subnets lie inside the VPC, apart from each other, and stay where they are when a zone comes or goes."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws.network.subnets import LETTERS, ZoneSubnets, plan_subnets


def vpc(prefix: int, index: int) -> str:
    return str(list(IPv4Network("10.0.0.0/12").subnets(new_prefix=prefix))[index])


vpcs = st.builds(vpc, st.integers(16, 20), st.integers(0, 15))
zones = st.lists(st.sampled_from([f"us-west-2{letter}" for letter in LETTERS]), min_size=1, max_size=6, unique=True)


def blocks(plan: tuple[ZoneSubnets, ...]) -> list[IPv4Network]:
    return [block for zone in plan for block in (zone.private, zone.public, zone.isolated)]


@given(vpcs, zones)
def test_inside_and_apart(cidr: str, names: list[str]) -> None:
    found = blocks(plan_subnets(cidr, names))
    assert len(found) == 3 * len(names)
    assert all(block.subnet_of(IPv4Network(cidr)) for block in found)
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))


@given(vpcs, zones, st.randoms(use_true_random=False))
def test_a_zone_more_or_another_order_moves_nothing(cidr: str, names: list[str], random: object) -> None:
    whole = {zone.zone: zone for zone in plan_subnets(cidr, names)}
    assert {zone.zone: zone for zone in plan_subnets(cidr, sorted(names, reverse=True))} == whole
    for left_out in names:
        fewer = plan_subnets(cidr, [name for name in names if name != left_out])
        assert all(whole[zone.zone] == zone for zone in fewer)


def test_private_subnets_are_large_and_the_others_small() -> None:
    (zone,) = plan_subnets("10.20.0.0/16", ["us-west-2c"])
    assert zone == ZoneSubnets("us-west-2c", IPv4Network("10.20.64.0/19"), IPv4Network("10.20.200.0/22"), IPv4Network("10.20.232.0/22"))


@given(vpcs, zones)
def test_prefixes_take_three_quarters_of_a_private_subnet_in_whole_blocks(cidr: str, names: list[str]) -> None:
    for zone in plan_subnets(cidr, names):
        assert all(block.subnet_of(zone.private) and block.prefixlen <= 28 for block in zone.prefixes)
        assert not zone.prefixes[0].overlaps(zone.prefixes[1])
        assert 4 * sum(block.num_addresses for block in zone.prefixes) == 3 * zone.private.num_addresses


def test_a_zone_without_a_slot_is_refused() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        plan_subnets("10.20.0.0/16", ["us-west-2g"])
