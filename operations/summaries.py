"""Parts of what a person reads after a rehearsal: what changed, what there is, and why a destroy was refused."""

from collections import Counter
from collections.abc import Sequence

from graph.urns import REFERENCE_TYPE
from rehearsal.actions import Outcome


def changed(outcome: Outcome) -> str:
    """What an action changed; of an engine that did not live to tell it, what the clouds carried out."""
    told = ", ".join(f"{count} {operation}" for operation, count in sorted(outcome.facts.changes.items()))
    if outcome.facts.result:
        return told or ("nothing to do" if outcome.fine or outcome.went_well else "nothing was done")
    done = ", ".join(f"{count} {operation}" for operation, count in sorted(outcome.carried_out.items())) or "nothing"
    return f"the engine ended before it had told what it did; the clouds carried out: {done}"


def by_package(outcome: Outcome) -> Counter[str]:
    """Resources by the package and module of their type: aws:ec2, kubernetes:apps, groundwork:aws."""
    counted: Counter[str] = Counter()
    for token, count in outcome.facts.types.items():
        counted[_package(token)] += count
    return counted


def _package(token: str) -> str:
    package, module, *_ = token.split(":")
    if package == "pulumi":
        return "other stacks" if token == REFERENCE_TYPE else "providers"
    return f"{package}:{module.split('/')[0]}"


def not_judged(stubs: Sequence[str]) -> list[str]:
    """Charts in whose place a rehearsal loaded an empty one."""
    return [f"{len(stubs)} charts served as stubs, not judged: {', '.join(stubs)}"] if stubs else []


def refusal(outcome: Outcome) -> str:
    """Why a destroy was refused, and how to go on."""
    names = "\n".join(f"  {urn}" for urn in outcome.protected)
    return f"""{outcome.stack} was not destroyed: {len(outcome.protected)} protected resources. Nothing was asked of a cloud.
{names}
To take it down all the same:
  groundwork rehearse unprotect --stack {outcome.stack}
  groundwork rehearse destroy --stack {outcome.stack}"""
