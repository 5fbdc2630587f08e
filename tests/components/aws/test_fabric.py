"""Network interfaces of EFA machines keep what EC2 demands, judged against EC2's own table and not against ours."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.accelerators import Machine, aws_machines
from components.aws.capacity.fabric import (
    Interface,
    efa_machines,
    karpenter_interfaces,
    launch_template_interfaces,
    layout,
    violations,
)
from tests.components.aws.test_machines import ec2

EFA = sorted(name for name, machine in aws_machines().items() if machine.efa_max)
KARPENTER = [name for name in EFA if aws_machines()[name].cards[0].interfaces > 1]
ACCELERATED = sorted(efa_machines(""))


def refused(name: str, interfaces: tuple[Interface, ...]) -> list[str]:
    """What EC2's own table says against the interfaces: an oracle that shares no code or data with the module."""
    network: dict[str, Any] = ec2()[name]["NetworkInfo"]
    cards = {card["NetworkCardIndex"]: card for card in network["NetworkCards"]}
    wrong = []
    for i in interfaces:
        if i.device >= cards[i.card]["MaximumNetworkInterfaces"]:
            wrong.append(f"device {i.device} on card {i.card}")
        if i.kind not in cards[i.card]["InterfaceTypes"]:
            wrong.append(f"{i.kind} on card {i.card}")
    efa = [i.card for i in interfaces if i.kind != "interface"]
    if len(efa) != network["EfaInfo"]["MaximumEfaInterfaces"] or len(efa) > len(set(efa)):
        wrong.append(f"{len(efa)} EFA")
    if Counter((i.card, i.device) for i in interfaces).most_common(1)[0][1] > 1:
        wrong.append("a place used twice")
    if [i.kind for i in interfaces if (i.card, i.device) == (0, 0)] not in (["interface"], ["efa"]):
        wrong.append("primary")
    return wrong


@pytest.mark.parametrize("karpenter", [False, True])
def test_every_machine_with_efa_gets_interfaces_that_ec2_takes(karpenter: bool) -> None:
    assert len(ACCELERATED) > 30
    assert set(ACCELERATED) <= set(KARPENTER)
    assert len(EFA) > 250
    for name in KARPENTER if karpenter else EFA:
        interfaces = layout(aws_machines()[name], karpenter=karpenter)
        assert refused(name, interfaces) == [], name
        assert list(violations(aws_machines()[name], interfaces)) == [], name
        assert interfaces == tuple(sorted(interfaces)), name
        assert all(i.device == 0 for i in interfaces if i.card), name


def test_karpenter_never_gets_an_efa_with_an_address() -> None:
    for name in KARPENTER:
        interfaces = layout(aws_machines()[name], karpenter=True)
        assert {i.kind for i in interfaces} == {"interface", "efa-only"}
        assert [i for i in interfaces if i.kind == "interface"] == [Interface(0, 0, "interface")]


@pytest.mark.parametrize(
    ("name", "managed", "karpenter"),
    [
        ("p4d.24xlarge", 4, 5),
        ("p5.48xlarge", 32, 33),
        ("p5.4xlarge", 1, 2),
        ("p5en.48xlarge", 16, 17),
        ("p6-b200.48xlarge", 8, 9),
        ("p6-b300.48xlarge", 17, 17),
        ("trn1n.32xlarge", 16, 17),
        ("trn2.48xlarge", 16, 17),
        ("g6e.48xlarge", 4, 5),
    ],
)
def test_the_number_of_interfaces(name: str, managed: int, karpenter: int) -> None:
    assert len(layout(aws_machines()[name], karpenter=False)) == managed
    assert len(layout(aws_machines()[name], karpenter=True)) == karpenter


def test_the_first_card_of_p6_b300_carries_no_efa() -> None:
    for karpenter in (False, True):
        first, *rest = layout(aws_machines()["p6-b300.48xlarge"], karpenter=karpenter)
        assert first == Interface(0, 0, "interface")
        assert [(i.card, i.device) for i in rest] == [(card, 0) for card in range(1, 17)]


def test_a_machine_without_efa_is_refused_with_those_that_have_it() -> None:
    with pytest.raises(ValueError, match=r"g6e.2xlarge has no EFA; machines with EFA: .*g6e.48xlarge"):
        layout(aws_machines()["g6e.2xlarge"], karpenter=False)
    with pytest.raises(ValueError, match=r"inf2.48xlarge has no EFA; machines with EFA: .*trn2.48xlarge"):
        layout(aws_machines()["inf2.48xlarge"], karpenter=True)


def test_karpenter_cannot_give_efa_where_the_first_card_takes_one_interface() -> None:
    for name in set(EFA) - set(KARPENTER):
        with pytest.raises(ValueError, match="use a managed node group"):
            layout(aws_machines()[name], karpenter=True)
    assert "hpc6id.32xlarge" in set(EFA) - set(KARPENTER)


def interfaces_of(machine: Machine) -> st.SearchStrategy[list[Interface]]:
    kinds = st.sampled_from(["interface", "efa", "efa-only"])
    return st.lists(st.builds(Interface, st.integers(0, len(machine.cards) - 1), st.integers(0, 4), kinds), min_size=1, max_size=12)


@given(st.sampled_from(["p4d.24xlarge", "g6e.24xlarge", "p6-b300.48xlarge", "p5.4xlarge"]).flatmap(
    lambda name: st.tuples(st.just(name), interfaces_of(aws_machines()[name]))
))  # fmt: skip
def test_violations_are_told_exactly_where_ec2_refuses(case: tuple[str, list[Interface]]) -> None:
    name, interfaces = case
    assert bool(list(violations(aws_machines()[name], interfaces))) == bool(refused(name, tuple(interfaces)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda i: i[1:], "no interface is card 0 device 0"),
        (lambda i: (*i, i[1]), "is used 2 times"),
        (lambda i: (Interface(0, 0, "efa-only"), *i[1:]), "no address"),
        (lambda i: (*i[:-1], Interface(3, 15, "efa-only")), "card 3 device 15 exceeds the 15 devices"),
        (lambda i: (*i[:-1], Interface(4, 1, "efa-only")), "card 4 is not there: p4d.24xlarge has 4"),
        (lambda i: (*i[:-1], Interface(2, 2, "efa-only")), "card 2 has 2 EFA interfaces"),
        (lambda i: i[:-1], "3 EFA interfaces, but p4d.24xlarge has 4"),
    ],
)
def test_each_violation_is_named(change: Any, told: str) -> None:
    machine = aws_machines()["p4d.24xlarge"]
    good = layout(machine, karpenter=False)
    assert told in "; ".join(violations(machine, change(good)))


def test_an_efa_on_the_first_card_of_p6_b300_is_a_violation() -> None:
    machine = aws_machines()["p6-b300.48xlarge"]
    assert "card 0 takes no EFA" in list(violations(machine, (Interface(0, 0, "efa"), *layout(machine, karpenter=False)[1:])))


def test_a_launch_template_has_its_groups_on_every_interface() -> None:
    rendered = launch_template_interfaces(layout(aws_machines()["p5.48xlarge"], karpenter=False), ["sg-nodes", "sg-efa"])
    assert len(rendered) == 32
    assert {tuple(i["security_groups"]) for i in rendered} == {("sg-nodes", "sg-efa")}
    assert {i["delete_on_termination"] for i in rendered} == {"true"}
    assert not [i for i in rendered if "associate_public_ip_address" in i]
    assert [i["interface_type"] for i in rendered] == ["efa", *["efa-only"] * 31]
    assert [(i["network_card_index"], i["device_index"]) for i in rendered[:3]] == [(0, 0), (1, 0), (2, 0)]


def test_a_single_interface_is_told_to_have_no_public_address() -> None:
    (only,) = launch_template_interfaces(layout(aws_machines()["g6e.8xlarge"], karpenter=False), ["sg-nodes"])
    assert only["associate_public_ip_address"] == "false"


def test_karpenter_takes_only_its_own_kinds() -> None:
    machine = aws_machines()["g6e.24xlarge"]
    assert karpenter_interfaces(layout(machine, karpenter=True)) == [
        {"networkCardIndex": 0, "deviceIndex": 0, "interfaceType": "interface"},
        {"networkCardIndex": 0, "deviceIndex": 1, "interfaceType": "efa-only"},
        {"networkCardIndex": 1, "deviceIndex": 0, "interfaceType": "efa-only"},
    ]
    with pytest.raises(ValueError, match="karpenter=True"):
        karpenter_interfaces(layout(machine, karpenter=False))
