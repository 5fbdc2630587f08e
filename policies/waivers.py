"""Findings that somebody answers for: who, why, and until when. The file is reviewed; a waiver that is wrong in any way is an error."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

LONGEST_DAYS = 90
"""Days that a waiver may run for."""
STACK = re.compile(r"urn:pulumi:([a-z0-9-]+)::")
"""A waiver names its stack, so that another stack does not hold it for stale."""
FIELDS = frozenset({"id", "rules", "urn", "owner", "approver", "reason", "created", "expires"})


class WaiverFaults(ValueError):
    """What is wrong with the waiver file, all of it."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver. `urn` is a glob over the URNs of one stack, which it names; `expires` is the last day it holds."""

    id: str
    rules: tuple[str, ...]
    urn: str
    owner: str
    approver: str
    reason: str
    created: date
    expires: date

    def covers(self, rule: str, urn: str) -> bool:
        """Whether it speaks of this rule on this resource."""
        return rule in self.rules and fnmatchcase(urn, self.urn)


def load(path: Path, *, today: date, rules: Collection[str], urns: Collection[str] = ()) -> tuple[Waiver, ...]:
    """The waivers of a file that hold today; none when there is no file.

    `urns` are those of the stack being judged. Raises WaiverFaults naming every one that is malformed, expired, too long, self-approved,
    of an unknown rule, or of this stack without matching any of its resources.
    """
    if not path.is_file():
        return ()
    try:
        rows = yaml.safe_load(path.read_text()) or []
    except yaml.YAMLError as error:
        raise WaiverFaults(f"{path.name}: is not YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(rows, list):
        raise WaiverFaults(f"{path.name}: must be a list of waivers")
    waivers = [(f"waiver {index + 1}", row) for index, row in enumerate(rows)]
    faults = [f"{name}: {fault}" for name, row in waivers for fault in _faults(row, today, rules, urns)]
    twice = [name for name, count in Counter(str(row.get("id")) for row in rows if isinstance(row, dict)).items() if count > 1]
    faults += [f'waiver "{name}" stands twice' for name in twice]
    if faults:
        raise WaiverFaults(f"{path.name}: " + "; ".join(faults))
    return tuple(Waiver(**{**row, "rules": tuple(row["rules"])}) for row in rows)


def _faults(row: Any, today: date, rules: Collection[str], urns: Collection[str]) -> Sequence[str]:
    if not isinstance(row, dict) or set(row) != FIELDS:
        return [f"must hold exactly {', '.join(sorted(FIELDS))}"]
    if type(row["created"]) is not date or type(row["expires"]) is not date or not isinstance(row["rules"], list):
        return ["created and expires must be dates without a time, rules a list"]
    found = [f'{name} "" is empty' for name in ("id", "urn", "owner", "approver", "reason") if not str(row[name] or "").strip()]
    found += [f'there is no rule "{name}"' for name in row["rules"] if name not in rules]
    found += ["its owner approved it; somebody else must"] if row["owner"] == row["approver"] else []
    found += [f"expired on {row['expires']}"] if row["expires"] < today else []
    found += [f"runs longer than {LONGEST_DAYS} days"] if (row["expires"] - row["created"]).days > LONGEST_DAYS else []
    found += [f"is from the future, {row['created']}"] if row["created"] > today else []
    return [*found, *_stale(str(row["urn"]), urns)]


def _stale(glob: str, urns: Collection[str]) -> Sequence[str]:
    named = STACK.match(glob)
    if not named:
        return ["its urn must name one stack: urn:pulumi:<stack>::…"]
    here = [urn for urn in urns if urn.startswith(named[0])]
    return [f"matches no resource: {glob}"] if here and not any(fnmatchcase(urn, glob) for urn in here) else []
