"""The network interfaces of machines with EFA: two layouts that EC2 takes, and the invariants that both keep.

Layout A puts an EFA with an address on card 0 and EFA-only interfaces beside it. Layout B puts a plain interface on card 0, with an
EFA-only interface as its second device, and is the only one that Karpenter's node class admits. On every further card the EFA-only
interface is device 0, as the guide below says.
Sources: AWS EC2 user guide, "Maximize network bandwidth on Amazon EC2 instances with multiple network cards" (efa-acc-inst-types);
aws/karpenter-provider-aws v1.14.1, EC2NodeClass.spec.networkInterfaces; EC2's machine table for cards and their limits.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pulumi

from components.accelerators import Machine, aws_machines

Kind = Literal["interface", "efa", "efa-only"]


@dataclass(frozen=True, slots=True, order=True)
class Interface:
    """One network interface. `kind`: interface (ENA), efa (ENA and EFA, takes an address), efa-only (takes none)."""

    card: int
    device: int
    kind: Kind


def layout(machine: Machine, *, karpenter: bool) -> tuple[Interface, ...]:
    """The interfaces that give a machine all of its EFA: layout A where it is valid and Karpenter is not asked, else layout B.

    Raises ValueError for a machine without EFA, naming machines of its accelerator that have it, and for Karpenter where the first card
    takes one interface only.
    """
    if not machine.efa_max:
        raise ValueError(f"{machine.name} has no EFA{_others(machine)}")
    if karpenter and machine.cards[0].efa and machine.cards[0].interfaces < 2:
        raise ValueError(f"{machine.name} takes one interface on card 0, and Karpenter needs two for EFA: use a managed node group")
    if karpenter or not machine.cards[0].efa:
        return _layout_b(machine)
    return _layout_a(machine)


def _efa_cards(machine: Machine) -> list[int]:
    """The cards that carry EFA, no more than the machine may have."""
    return [index for index, card in enumerate(machine.cards) if card.efa][: machine.efa_max]


def _layout_a(machine: Machine) -> tuple[Interface, ...]:
    return (Interface(0, 0, "efa"), *(Interface(card, 0, "efa-only") for card in _efa_cards(machine)[1:]))


def _layout_b(machine: Machine) -> tuple[Interface, ...]:
    return (Interface(0, 0, "interface"), *(Interface(card, int(card == 0), "efa-only") for card in _efa_cards(machine)))


def efa_machines(accelerator: str) -> tuple[str, ...]:
    """Machines of an accelerator that have EFA; of any accelerator for ""."""
    fit = (m for m in aws_machines().values() if m.efa_max and m.accelerator and accelerator in ("", m.accelerator))
    return tuple(m.name for m in sorted(fit, key=lambda m: (m.accelerator, m.name)))


def _others(machine: Machine) -> str:
    names = efa_machines(machine.accelerator) or efa_machines("")
    return f"; machines with EFA: {', '.join(names)}"


def violations(machine: Machine, interfaces: Sequence[Interface]) -> Iterator[str]:
    """What EC2 or EKS would refuse of the interfaces, and where they give less EFA than the machine has."""
    places = Counter((i.card, i.device) for i in interfaces)
    yield from (f"card {card} device {device} is used {count} times" for (card, device), count in places.items() if count > 1)
    primary = [i for i in interfaces if (i.card, i.device) == (0, 0)]
    if not primary:
        yield "no interface is card 0 device 0"
    if any(i.kind == "efa-only" for i in primary):
        yield "the primary interface is efa-only, so the node would have no address"
    yield from _card_violations(machine, interfaces)


def _card_violations(machine: Machine, interfaces: Sequence[Interface]) -> Iterator[str]:
    efa = Counter(i.card for i in interfaces if i.kind != "interface")
    for interface in interfaces:
        if interface.card >= len(machine.cards):
            yield f"card {interface.card} is not there: {machine.name} has {len(machine.cards)}"
        elif interface.device >= (most := machine.cards[interface.card].interfaces):
            yield f"card {interface.card} device {interface.device} exceeds the {most} devices of the card"
    for card, count in efa.items():
        if card < len(machine.cards) and not machine.cards[card].efa:
            yield f"card {card} takes no EFA"
        if count > 1:
            yield f"card {card} has {count} EFA interfaces, but takes one"
    if efa.total() != machine.efa_max:
        yield f"{efa.total()} EFA interfaces, but {machine.name} has {machine.efa_max}"


def launch_template_interfaces(interfaces: Sequence[Interface], groups: Sequence[pulumi.Input[str]]) -> list[dict[str, Any]]:
    """The interfaces as a launch template takes them: security groups on each, none with a public address, none left behind."""
    alone = len(interfaces) == 1
    return [
        {
            "network_card_index": interface.card,
            "device_index": interface.device,
            "interface_type": interface.kind,
            "delete_on_termination": "true",
            "security_groups": list(groups),
            # EC2 refuses the very mention of a public address beside several interfaces.
            **({"associate_public_ip_address": "false"} if alone else {}),
        }
        for interface in interfaces
    ]


def karpenter_interfaces(interfaces: Sequence[Interface]) -> list[dict[str, Any]]:
    """The interfaces as EC2NodeClass.spec.networkInterfaces takes them. Raises ValueError for kind efa, which Karpenter refuses."""
    if any(interface.kind == "efa" for interface in interfaces):
        raise ValueError("Karpenter takes interface and efa-only, not efa: ask for the layout with karpenter=True")
    return [{"networkCardIndex": i.card, "deviceIndex": i.device, "interfaceType": i.kind} for i in interfaces]
