"""Recovery objectives: how much is lost (RPO) and how long it takes (RTO), from what each mechanism gives. Pure functions.

Nothing here is measured on the account. Where a figure can only be measured there, the stack file states it (`Assumptions`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components.spec import Duration

Standby = Literal["none", "cold", "warm"]
"""What of a cluster stands in the recovery region: nothing; its network, with a definition that is checked; or the cluster itself,
with its system nodes and GPU pools at zero."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """How one kind of data reaches the recovery region. `lag` is how far behind the copy can be, None where no figure is given."""

    kind: str
    means: str
    lag: Duration | None
    source: str


OBJECTS = Mechanism(
    "objects",
    "S3 replication with time control",
    Duration("15m"),
    "S3 user guide, replication-time-control: 99.99 percent of objects within 15 minutes",
)
DATABASE = Mechanism(
    "database",
    "copies of RDS backups and transaction logs",
    Duration("30m"),
    "AWS Prescriptive Guidance, dr-standard-edition-amazon-rds/rds-pitr-snapshot: 5 to 30 minutes",
)
IMAGES = Mechanism("images", "ECR replication", None, "ECR user guide, replication: gives no time; images are pinned by digest, not lost")
MECHANISMS: tuple[Mechanism, ...] = (OBJECTS, DATABASE, IMAGES)
"""Every way that something is copied, in the order of reports."""


def least_rpo(mechanisms: Sequence[Mechanism] = MECHANISMS) -> Mechanism:
    """The mechanism whose copy can be furthest behind: no smaller RPO can be promised. One without a figure is left out."""
    return max((row for row in mechanisms if row.lag), key=lambda row: row.lag.value if row.lag else 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a recovery. `seconds` is how long it takes at most, `stated` whether the stack file says so, else it was observed."""

    what: str
    seconds: int
    stated: bool = False


PARTS: Mapping[Standby, Mapping[str, str]] = {
    "none": {},
    "cold": {
        "control plane": "aws:eks/cluster:Cluster",
        "nodes": "aws:eks/nodeGroup:NodeGroup",
        "add-ons": "aws:eks/addon:Addon",
        "operators": "kubernetes:helm.sh/v3:Release",
    },
    "warm": {"nodes": "aws:eks/nodeGroup:NodeGroup", "operators": "kubernetes:helm.sh/v3:Release"},
}
"""What is made one after another before a workload can start, with the type whose creation was timed.

The nodes of a warm cluster's pool at zero are started by the autoscaler; a node group's creation stands for that, since it waits for
the same node. Gateways of the network are made beside the control plane, and are faster.
"""


def cluster_steps(standby: Standby, seconds: Mapping[str, float]) -> tuple[Step, ...]:
    """How the cluster comes to take workloads; `seconds` has the longest creation observed, by resource type."""
    return tuple(Step(what, int(seconds[token])) for what, token in PARTS[standby].items())


@dataclass(frozen=True, slots=True)
class Course:
    """A whole recovery: what comes first, the two things done side by side, and what comes last."""

    first: tuple[Step, ...]
    data: tuple[Step, ...]
    cluster: tuple[Step, ...]
    last: tuple[Step, ...]

    @property
    def seconds(self) -> int:
        """How long all of it takes."""
        return total(self.first) + max(total(self.data), total(self.cluster)) + total(self.last)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that add up to `seconds`: of the two branches, the longer."""
        return (*self.first, *max(self.data, self.cluster, key=total), *self.last)


def total(steps: Sequence[Step]) -> int:
    """Seconds of steps that follow one another."""
    return sum(step.seconds for step in steps)


def spelled(seconds: int) -> str:
    """Seconds as a stack file can say them, rounded up: whole hours in h, all else in whole minutes."""
    minutes = -(-seconds // 60)
    return f"{minutes // 60}h" if minutes % 60 == 0 and minutes else f"{minutes}m"


def told(steps: Sequence[Step]) -> str:
    """The steps with their times, in words."""
    return ", ".join(f"{step.what} {spelled(step.seconds)}" for step in steps)
