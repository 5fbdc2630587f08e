"""State and clouds of a stage, compared.

The engine records an operation as pending before it asks a provider, and removes the record when
the answer is there. Whoever kills it in between leaves a record of which nobody knows how it ended.
The engine keeps pending creates for ever, tells nobody of them in a preview, and makes the thing
once more in the next update (pulumi/pulumi v3.259.0, pkg/backend/snapshot.go and
pkg/resource/deploy/deployment_executor.go). The stand-in clouds know how each of them ended.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graph.urns import Urn
from rehearsal.checkpoint import Checkpoint, Pending

if TYPE_CHECKING:
    from rehearsal.store import Identity

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Where the state of a stack and the clouds disagree.

    `unknown` are objects of the stack that no state holds, `missing` URNs of resources that are in
    the state and in no cloud, `recorded` how many resources of the state are in a cloud's keeping.
    """

    pending: Sequence[Pending] = ()
    unknown: "Sequence[Identity]" = ()
    missing: Sequence[str] = ()
    recorded: int = 0

    @property
    def lost(self) -> bool:
        """Whether the clouds hold nothing at all of a state that is not empty."""
        return self.recorded > 0 and len(self.missing) == self.recorded

    @property
    def refusals(self) -> list[str]:
        """Why nothing may be built on this state."""
        said = []
        if self.pending:
            rows = [f"  {pending.operation} {pending.urn}" for pending in self.pending]
            said.append("\n".join([f"the engine was killed in {len(rows)} operations whose end it did not see:", *rows]))
        if self.lost:
            said.append(f"the clouds hold nothing of the {self.recorded} objects in the state")
        return said

    def notes(self, recover: str) -> list[str]:
        """What a person should know beside that; `recover` is the command that brings the stage in order."""
        said = []
        if self.unknown:
            rows = [f"  {found.token} {found.id} ({found.urn})" for found in self.unknown]
            said.append("\n".join([f"{len(rows)} objects are in the clouds and in no state; {recover} removes them:", *rows]))
        if self.missing and not self.lost:
            rows = [f"  {urn}" for urn in self.missing]
            said.append("\n".join([f"{len(rows)} resources are in the state and in no cloud; a refresh takes them out:", *rows]))
        return said


def kept_in_cloud(resource: Resource, packages: Collection[str]) -> bool:
    """Whether a resource of the state is an object of one of the clouds: no component, no provider, nothing that was only read."""
    own = resource.get("custom") and resource.get("id") and not resource.get("external")
    return bool(own) and str(resource["type"]).split(":")[0] in packages


def compare(
    stack: str,
    state: Checkpoint,
    others: Iterable[Checkpoint],
    objects: "Sequence[Identity]",
    *,
    packages: Collection[str],
    retained: Collection[int] = (),
) -> Comparison:
    """Hold the state of a stack against what the clouds hold; `others` are the states of the stacks that share them.

    Objects are matched by type, id and URN first, and then by type and id: an alias gives an
    object's resource another URN. `retained` are numbers of objects that no state need hold.
    """
    recorded = [row for row in state.resources if kept_in_cloud(row, packages)]
    known = [row for other in others for row in other.resources if kept_in_cloud(row, packages)]
    judged = [found for found in objects if found.seq not in retained]
    rest = _unmatched(judged, [*recorded, *known])
    there = {(found.token, found.id) for found in objects}
    missing = [row["urn"] for row in recorded if (row["type"], row["id"]) not in there]
    return Comparison(
        pending=tuple(state.pending),
        unknown=tuple(found for found in rest if found.urn and Urn.parse(found.urn).stack == stack),
        missing=tuple(missing),
        recorded=len(recorded),
    )


def _unmatched(objects: "Sequence[Identity]", resources: Sequence[Resource]) -> "list[Identity]":
    exact = Counter((row["type"], row["id"], row["urn"]) for row in resources)
    rest = []
    for found in objects:
        key = (found.token, found.id, found.urn)
        if exact[key]:
            exact[key] -= 1
        else:
            rest.append(found)
    loose = Counter({key: count for key, count in _without_urn(exact).items() if count})
    left = []
    for found in rest:
        if loose[found.token, found.id]:
            loose[found.token, found.id] -= 1
        else:
            left.append(found)
    return left


def _without_urn(exact: Mapping[tuple[str, str, str], int]) -> Counter[tuple[str, str]]:
    counted: Counter[tuple[str, str]] = Counter()
    for (token, id, _), count in exact.items():
        counted[token, id] += count
    return counted
