"""Findings that somebody answers for: who, why, and until when. The file is reviewed; a waiver that is wrong in any way is an error."""

import re
import unicodedata
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
MOST_BYTES = 1 << 20
MOST_SHOWN = 200
MOST_TEXT = 2000
"""Bytes of the file, characters of a text in a message, and characters of a text in a waiver."""
TEXTS = ("id", "urn", "owner", "approver", "reason")
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
    rows = _rows(path)
    waivers = [(f"waiver {index + 1}", row) for index, row in enumerate(rows)]
    faults = [f"{name}: {fault}" for name, row in waivers for fault in _faults(row, today, rules, urns)]
    twice = [name for name, count in Counter(str(row.get("id")) for row in rows if isinstance(row, dict)).items() if count > 1]
    faults += [f'waiver "{_shown(name)}" stands twice' for name in twice]
    if faults:
        raise WaiverFaults(f"{path.name}: " + "; ".join(faults))
    return tuple(Waiver(**{**row, "rules": tuple(row["rules"])}) for row in rows)


def _rows(path: Path) -> list[Any]:
    """The rows of the file. Raises WaiverFaults where two readers could see different ones, or nobody any."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise WaiverFaults(f"{path.name}: is larger than {MOST_BYTES // 1024} KiB")
        rows = yaml.load(text.decode(), Loader=_Loader) or []
    except UnicodeDecodeError:
        raise WaiverFaults(f"{path.name}: is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise WaiverFaults(f"{path.name}: cannot be read: {(error.strerror or '').lower()}") from None
    except RecursionError:
        raise WaiverFaults(f"{path.name}: is nested too deep") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise WaiverFaults(f"{path.name}: is not YAML{where}: {_shown(getattr(error, 'problem', None) or str(error))}") from None
    if not isinstance(rows, list):
        raise WaiverFaults(f"{path.name}: must be a list of waivers")
    return rows


class _Loader(yaml.SafeLoader):
    """Reads plain data only: no key twice, no alias, and a date that there is not is the text that it was written as."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            alias: Any = self.get_event()  # type: ignore[no-untyped-call]
            problem = "an alias is not read: write the value out"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=alias.start_mark)
        return super().compose_node(parent, index)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else None
        if name is None or name in found:
            problem = f"`{name}` is given twice" if name else "a key must be text"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        found[name] = loader.construct_object(value, deep=True)
    return found


def _date(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date)


def _shown(text: object) -> str:
    """A text of the file as a message may show it: what does not print is escaped."""
    cut = str(text)[:MOST_SHOWN]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def _faults(row: Any, today: date, rules: Collection[str], urns: Collection[str]) -> Sequence[str]:
    if not isinstance(row, dict) or set(row) != FIELDS:
        return [f"must hold exactly {', '.join(sorted(FIELDS))}"]
    dates = [f"{name} is no date that there is, such as 2026-11-30" for name in ("created", "expires") if type(row[name]) is not date]
    if dates or not isinstance(row["rules"], list):
        return [*dates, *(["rules must be a list"] if not isinstance(row["rules"], list) else [])]
    found = [f"{name} must be text of one line that prints" for name in TEXTS if not _legible(row[name])]
    found += ["rules names none"] if not row["rules"] else []
    found += [f'there is no rule "{_shown(name)}"' for name in row["rules"] if name not in rules]
    found += ["its owner approved it; somebody else must"] if _person(row["owner"]) == _person(row["approver"]) else []
    found += [f"expired on {row['expires']}"] if row["expires"] < today else []
    found += ["expires before it was created"] if row["expires"] < row["created"] else []
    found += [f"runs longer than {LONGEST_DAYS} days"] if (row["expires"] - row["created"]).days > LONGEST_DAYS else []
    found += [f"is from the future, {row['created']}"] if row["created"] > today else []
    return [*found, *_stale(str(row["urn"]), urns)]


def _legible(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable() and len(value) <= MOST_TEXT


def _person(name: Any) -> str:
    """Who is meant, however the name is written: case, spaces, a leading @ and Unicode's look-alike forms make no other person."""
    return " ".join(unicodedata.normalize("NFKC", str(name)).casefold().split()).removeprefix("@")


def _stale(glob: str, urns: Collection[str]) -> Sequence[str]:
    named = STACK.match(glob)
    if not named:
        return ["its urn must name one stack: urn:pulumi:<stack>::…"]
    here = [urn for urn in urns if urn.startswith(named[0])]
    return [f"matches no resource: {_shown(glob)}"] if here and not any(fnmatchcase(urn, glob) for urn in here) else []
