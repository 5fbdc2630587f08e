"""Capacity of a pool: reservations, capacity blocks, on-demand and spot, in order of preference."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from components.aws.values import Instant, Zone, ZoneId, moment
from components.given import Given
from components.spec import Problem, Spec, rule

Way = Literal["reserved", "capacity-block", "on-demand", "spot"]
"""A way of buying nodes; also the word for it in reports, labels and names."""

BLOCK_DAYS = 182
"""Longest capacity block in days, sold by the day up to 14 and by the week from there. A block may be up to a day longer than asked for.

Source: AWS EC2 user guide, capacity-blocks-purchase.md, "Find and purchase Capacity Blocks", read 2026-11-26; so are the next two.
"""
BLOCK_SIZE = 64
"""Most instances of one capacity block."""
BLOCK_ENDS = "11:30:00"
"""Time of day, in UTC, at which every capacity block ends."""
DRAIN = timedelta(minutes=40)
"""How long before a block's end its nodes are asked to go: EC2 begins to end them 30 minutes before, and draining takes time.

EKS does so by itself, by a scheduled action of the group that it makes and that nobody should edit or double; Karpenter does as well.
Sources: AWS EKS user guide, capacity-blocks-mng.md ("scheduled scale down on the node group 40 minutes prior to their reservation
end"); karpenter-provider-aws v1.14, "Capacity Reservations" (drains capacity blocks ten minutes before EC2 does).
"""

ReservationId = Annotated[
    str,
    StringConstraints(max_length=20, pattern=r"^cr-([0-9a-f]{8}|[0-9a-f]{17})$"),
    Field(json_schema_extra={"x-form": "id of a capacity reservation, cr- and 8 or 17 hexadecimal digits, such as cr-0123456789abcdef0"}),
]
"""The id of a capacity reservation; capacity blocks have one too."""
TagText = Annotated[str, StringConstraints(min_length=1, max_length=127)]
GroupName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[ -~]+$"),
    Given("aws:ec2/placementGroup:PlacementGroup", "placement group"),
]
"""The name of a placement group that exists."""
ResourceGroup = Annotated[
    str, StringConstraints(max_length=300, pattern=r"^arn:aws:resource-groups:[a-z0-9-]+:[0-9]{12}:group/[A-Za-z0-9_.-]+$")
]
"""The ARN of a resource group of capacity reservations."""


class TaggedReservations(Spec):
    """Every reservation with these tags that is in the pool's zone and of its machine. Only Karpenter can choose by tags."""

    tags: dict[TagText, TagText]
    """Tags that a reservation must have, all of them; at least one."""

    @rule("tags")
    def _some(self) -> Iterator[Problem]:
        if not self.tags:
            yield Problem(("tags",), "selects nothing: name at least one tag of the reservations, or one reservation by its id")


class GroupedReservations(Spec):
    """The reservations of a resource group. Only launch templates can choose by group."""

    group: ResourceGroup
    """ARN of the resource group."""


def _kind(value: Any) -> str | None:
    """The kind of one way: that of a mapping by its first field, in brackets so that no place in a file is spelt alike."""
    if isinstance(value, Spec):
        return f"({next(iter(type(value).model_fields))})"
    if isinstance(value, dict):
        return next((f"({key})" for key in ("reserved", "block", "tags", "group") if key in value), None)
    return "(word)"


Reservations = Annotated[
    Annotated[ReservationId, Tag("(word)")] | Annotated[TaggedReservations, Tag("(tags)")] | Annotated[GroupedReservations, Tag("(group)")],
    Discriminator(_kind),
]
"""Which reservations: one by its id, those with tags, or those of a resource group."""


class ReservedCapacity(Spec):
    """On-demand capacity reservations that exist. Nodes are started in them and nowhere else."""

    reserved: Reservations
    """Which reservations."""
    zone: Zone
    """The zone they are in."""
    zone_id: ZoneId | None = None
    """Id of that zone; tells which place it is where names differ by account, so that what is offered there can be judged."""
    count: Annotated[int, Field(ge=1, le=450)]
    """Instances they hold together."""
    placement_group: GroupName | None = None
    """Name of the cluster placement group that they were made in; only its instances are close to one another."""


class CapacityBlock(Spec):
    """A capacity block for machine learning that was bought: instances close to one another, for some days."""

    block: ReservationId
    """Id of the block's reservation."""
    zone: Zone
    """The zone it is in."""
    zone_id: ZoneId | None = None
    """Id of that zone; tells which place it is where names differ by account, so that what is offered there can be judged."""
    start: Instant
    """When it begins."""
    end: Instant
    """When it ends; nodes are asked to go 40 minutes before."""
    size: Annotated[int, Field(ge=1, le=BLOCK_SIZE)]
    """Instances it holds, 64 at most."""

    @rule("start", "end")
    def _window(self) -> Iterator[Problem]:
        length = moment(self.end) - moment(self.start)
        if length <= timedelta(0):
            yield Problem(("end",), f"is not after start ({self.start}): write the two as `aws ec2 describe-capacity-blocks` tells them")
        elif length > timedelta(days=BLOCK_DAYS + 1):
            yield Problem(("end",), f"is {length.days} days after start, and blocks are of {BLOCK_DAYS} days at most: check both dates")

    @rule("end")
    def _ends_when_blocks_end(self) -> Iterator[Problem]:
        if self.end[11:19] != BLOCK_ENDS:
            yield Problem(("end",), f"must be at {BLOCK_ENDS} UTC, as every block ends: write {self.end[:11]}{BLOCK_ENDS}Z")

    def over(self, now: datetime) -> str:
        """Why no node can be started in it any more at `now`, or "" while the end is ahead."""
        if now < moment(self.end) - DRAIN:
            return ""
        return f"ended at {self.end}, and nodes go {DRAIN.seconds // 60} minutes before: remove it, or name the block that follows it"


Capacity = Annotated[
    Annotated[Literal["on-demand", "spot"], Tag("(word)")]
    | Annotated[ReservedCapacity, Tag("(reserved)")]
    | Annotated[CapacityBlock, Tag("(block)")],
    Discriminator(_kind),
]
"""One way in which a pool's nodes are bought."""


def way_of(capacity: Capacity) -> Way:
    """The word for a way."""
    if isinstance(capacity, ReservedCapacity):
        return "reserved"
    return "capacity-block" if isinstance(capacity, CapacityBlock) else capacity


def held(capacity: Capacity) -> int | None:
    """Instances that are paid for already; None for what is bought when it is needed."""
    if isinstance(capacity, ReservedCapacity):
        return capacity.count
    return capacity.size if isinstance(capacity, CapacityBlock) else None


def zones_for(capacity: Capacity, zones: Sequence[str]) -> tuple[str, ...]:
    """Where its nodes are: its own zone, else the given ones."""
    return tuple(zones) if isinstance(capacity, str) else (capacity.zone,)


def key_of(capacity: Capacity) -> str:
    """What tells it from the other ways of a pool."""
    if isinstance(capacity, str):
        return capacity
    return capacity.block if isinstance(capacity, CapacityBlock) else str(capacity.reserved)


def roles(plan: Sequence[Capacity]) -> tuple[str, ...]:
    """A name for each way of a pool, unique in it: its word, with a number where the word stands again."""
    words = [way_of(capacity) for capacity in plan]
    return tuple(word if (n := words[: i + 1].count(word)) == 1 else f"{word}-{n}" for i, word in enumerate(words))
