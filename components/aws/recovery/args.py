"""Arguments of the recovery region."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.aws.network.connections import Connection
from components.aws.recovery.drill import DrillArgs
from components.aws.recovery.objectives import Standby
from components.aws.regions import Region
from components.aws.values import VpcCidr, Zone
from components.given import Given
from components.spec import Duration, Many, Name, Problem, Spec, rule

TopicArn = Annotated[
    str,
    StringConstraints(max_length=512, pattern=r"^arn:aws:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"),
    Given("aws:sns/topic:Topic", "SNS topic"),
]
"""An SNS topic that exists."""
Count = Annotated[int, Field(ge=0, le=450)]


class PoolCapacity(Spec):
    """What one GPU pool can count on in the recovery region: machines that are reserved there, or fewer than at home."""

    reserved: Annotated[int, Field(ge=1, le=450)] | None = None
    """Machines that are reserved, and paid for, all the time."""
    zone: Zone | None = None
    """Zone of the recovery region in which they are reserved."""
    degraded: Count | None = None
    """Most nodes the pool may have there, none of them promised; 0 is that the pool does not come up there."""

    @rule("reserved", "degraded")
    def _one_of_both(self) -> Iterator[Problem]:
        if (self.reserved is None) == (self.degraded is None):
            text = "must say either reserved (machines paid for all the time) or degraded (most nodes, none promised)"
            yield Problem(("reserved",) if self.degraded is not None else (), text)

    @rule("reserved", "zone")
    def _reserved_somewhere(self) -> Iterator[Problem]:
        if self.reserved is not None and self.zone is None:
            yield Problem(("zone",), "is required with reserved: machines are reserved in one zone")
        if self.reserved is None and self.zone is not None:
            yield Problem(("zone",), "stands without reserved: nothing is reserved there, so remove it")


class Assumptions(Spec):
    """Times of a recovery that no account tells: state what the last drill measured."""

    restore: Duration
    """How long a restore of the database from its copied backups takes; it grows with the database."""
    decide: Duration = Duration("15m")
    """How long people take to decide that the site is lost."""
    redirect: Duration = Duration("5m")
    """How long clients take to follow to the new addresses: the TTL of their DNS records."""


class RecoveryArgs(Spec):
    """Another region of the same account, to which data is copied and in which the platform can be brought up."""

    region: Region
    """The recovery region, another one than the site's."""
    zones: Annotated[Many[Zone], Field(min_length=2, max_length=3)]
    """Availability zones of the recovery region, two or three, each once."""
    cidr: VpcCidr
    """Address range of the VPC there, which must not overlap the site's."""
    connections: dict[Name, Connection] = {}
    """Ways into the VPC there from other networks, by name; where `cluster` is warm, what deploys it comes in by one of them."""
    rpo: Duration
    """Most data that may be lost, as a span of time; refused when the copies can be further behind."""
    rto: Duration | None = None
    """Longest time to bring the platform up there; refused when it takes longer. Absent where no cluster is meant to."""
    cluster: Standby = "cold"
    """none: data only; cold: a cluster that one command makes; warm: the cluster with its system nodes, GPU pools at zero."""
    capacity: dict[Name, PoolCapacity] = {}
    """What each GPU pool can count on there."""
    buckets: Annotated[Many[Name], Field(min_length=1)] = ("artifacts", "datasets", "models")
    """Buckets whose objects are copied."""
    follow_deletes: bool = False
    """Whether a deletion in the site hides the copy too. Without, a mistaken or hostile deletion does not reach the copies."""
    notify: Many[TopicArn] = ()
    """SNS topics in the recovery region that hear of copies that fall behind."""
    images: Literal["replicated", "left"] = "replicated"
    """Whether this stack has the registry's replication, of which an account has one in a region. left leaves it to another stack there,
    which must send what this one keeps; the repositories that receive are made all the same."""
    drill: DrillArgs | None = None
    """A restore of the database that is tried there on a schedule; absent tries none."""
    assumes: Assumptions
    """Times that only a drill tells."""
    protect: bool = True
    """Whether the copies and their keys refuse deletion; false also lets a destroy empty the buckets."""

    @rule("region", "zones")
    def _zones_of_region(self) -> Iterator[Problem]:
        for index, zone in enumerate(self.zones):
            if zone[:-1] != self.region:
                yield Problem(("zones", index), f"is not in {self.region}: name zones such as {self.region}a, or change the region")
            if zone in self.zones[:index]:
                yield Problem(("zones", index), f"names {zone} again: name another zone, or remove it")

    @rule("zones", "capacity")
    def _reserved_in_zones(self) -> Iterator[Problem]:
        for name, pool in self.capacity.items():
            if pool.zone is not None and pool.zone not in self.zones:
                yield Problem(("capacity", name, "zone"), f"is not one of the region's zones: choose one of {', '.join(self.zones)}")

    @rule("region", "notify")
    def _heard_there(self) -> Iterator[Problem]:
        for index, topic in enumerate(self.notify):
            if topic.split(":")[3] != self.region:
                text = f"is not in {self.region}, where S3 publishes how far behind copies are: name a topic of that region"
                yield Problem(("notify", index), text)

    @rule("drill", "notify")
    def _somebody_hears(self) -> Iterator[Problem]:
        if self.drill and not self.notify:
            yield Problem(("drill",), "would fail with nobody told: name in notify an SNS topic of the recovery region, or remove it")

    @rule("buckets")
    def _once(self) -> Iterator[Problem]:
        for index, name in enumerate(self.buckets):
            if name in self.buckets[:index]:
                yield Problem(("buckets", index), f"names {name} again: remove one")

    @rule("cluster", "rto", "capacity")
    def _what_comes_up(self) -> Iterator[Problem]:
        if self.cluster == "none" and self.rto is not None:
            yield Problem(("rto",), "is promised, but nothing comes up with cluster: none; choose cold or warm, or remove it")
        if self.cluster == "none" and self.capacity:
            yield Problem(("capacity",), "is stated, but nothing comes up with cluster: none; choose cold or warm, or remove it")
        if self.cluster != "none" and self.rto is None:
            yield Problem(("rto",), f"is required with cluster: {self.cluster}; say how long it may take, or choose none for data alone")
