"""Limits of physical names by resource type, and what a graph's names break of them."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import botocore.session

from graph.model import Graph, Resource, SecretValue
from graph.types import references

TABLE = Path(__file__).with_name("limits.csv")
LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
FORMS: Mapping[str, str] = {
    "dns-label": LABEL,
    "dns-label-1035": r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    "dns-subdomain": r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    "dns-wildcard": rf"(\*\.)?{LABEL}(\.{LABEL})*",
    "label-key": r"([a-z0-9][a-z0-9.\-]{0,252}/)?[A-Za-z0-9]([A-Za-z0-9._\-]{0,61}[A-Za-z0-9])?",
    "label-value": r"([A-Za-z0-9]([A-Za-z0-9._\-]*[A-Za-z0-9])?)?",
    "port-name": r"(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?",
}
"""Forms of names in Kubernetes. Source: its documentation, Object Names and IDs, Labels and Selectors; RFC 1035, 1123 and 6335."""
NAMED = re.compile(r"(?:.*[nN]ame|identifier|bucket|creationToken|prefix|.*Prefix|alias|title|path)")
"""Inputs in which AWS is told how a resource is called."""
WORDS = frozenset(
    {
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "serviceName"),
        ("aws:eks/addon:Addon", "addonName"),
        ("aws:guardduty/detectorFeature:DetectorFeature", "name"),
    }
)
"""Inputs that choose among the names that AWS itself gives."""
Place = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One row of the table."""

    type: str
    path: Place
    keys: bool
    least: int
    longest: int
    pattern: str
    read: int | None
    reader: str
    unique: str
    shape: str
    source: str

    @property
    def most(self) -> int:
        """Characters that everybody who reads the name takes."""
        return self.longest if self.read is None else self.read

    @cached_property
    def form(self) -> re.Pattern[str]:
        """What the whole name must match."""
        return re.compile(FORMS.get(self.pattern, self.pattern) or str(shape(self.shape).metadata["pattern"]))

    def covers(self, resource: Resource, path: Place) -> bool:
        """Whether a path of inputs is this row's; rows of all types hold for every path that ends so."""
        own = path if self.type == resource.type else path[-len(self.path) :]
        return len(own) == len(self.path) and all(want in ("*", part) for want, part in zip(self.path, own, strict=True))

    def broken(self, name: str) -> str:
        """What is wrong with a name; empty where nothing is."""
        if not self.least <= len(name) <= self.most:
            return f"has {len(name)} characters, and {self.reader or self.type} takes {self.least} to {self.most}"
        return "" if self.form.fullmatch(name) else f"does not match {self.form.pattern}"


def _limit(row: Mapping[str, str]) -> Limit:
    return Limit(
        type=row["type"],
        path=tuple(row["property"].removeprefix("#").split(".")),
        keys=row["property"].startswith("#"),
        least=int(row["least"]),
        longest=int(row["longest"]),
        pattern=row["pattern"],
        read=int(row["read"]) if row["read"] else None,
        reader=row["reader"],
        unique=row["unique"],
        shape=row["shape"],
        source=row["source"],
    )


@cache
def limits() -> tuple[Limit, ...]:
    """Every row of the table."""
    with TABLE.open(encoding="utf-8") as table:
        return tuple(map(_limit, csv.DictReader(line for line in table if not line.startswith("#"))))


@cache
def limits_of(token: str, last: str | None = None, keys: bool = False) -> tuple[Limit, ...]:
    """The rows that hold for a type; with `last` only those whose path may end so."""
    every = (token, f"{token.partition(':')[0]}:*")
    return tuple(r for r in limits() if r.type in every and (last is None or (r.keys == keys and r.path[-1] in ("*", last))))


@cache
def _service(name: str) -> Any:
    """Botocore's model of a service."""
    return botocore.session.get_session().get_service_model(name)


@cache
def shape(member: str) -> Any:
    """A member of an operation's input in botocore: `service.Operation.Member…`; `key` and `value` are those of a map."""
    service, operation, *parts = member.split(".")
    found = _service(service).operation_model(operation).input_shape
    for part in parts:
        found = found.member if found.type_name == "list" else found
        found = getattr(found, part) if found.type_name == "map" else found.members[part]
    return found.member if found.type_name == "list" else found


def texts(value: Any, path: Place = ()) -> Iterator[tuple[Place, str, bool]]:
    """Every text in a value and every key of its mappings, with the path; True for keys, whose path is that of the mapping."""
    value = value.value if isinstance(value, SecretValue) else value
    if isinstance(value, str):
        yield path, value, False
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield path, key, True
            yield from texts(item, (*path, key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item, (*path, "[]"))


@dataclass(slots=True)
class Verdicts:
    """What was found in the names of graphs."""

    faults: list[str] = field(default_factory=list)
    seen: Counter[tuple[str, Place]] = field(default_factory=Counter)
    """Names by the row that they were compared with."""

    @property
    def judged(self) -> int:
        """Names that were compared."""
        return self.seen.total()


def judge(graph: Graph, verdicts: Verdicts) -> None:
    """Compare every name in a graph with the table, and names of one type with one another."""
    taken: dict[Place, str] = {}
    for resource in graph.custom:
        for path, name, key in texts(resource.inputs):
            for row in limits_of(resource.type, path[-1] if path else "", key):
                if row.covers(resource, path):
                    verdicts.seen[row.type, row.path] += 1
                    verdicts.faults += _wrong(row, resource, path, name, taken)
        verdicts.faults += unlisted(resource)


def _wrong(row: Limit, resource: Resource, path: Place, name: str, taken: dict[Place, str]) -> Iterator[str]:
    """What is wrong with one name; `taken` are names so far that only one resource may have, by whose they are."""
    if text := row.broken(name):
        yield f"{resource.urn}: {'.'.join(path)} {name!r} {text}"
    if row.unique and (earlier := taken.setdefault((resource.type, *_where(resource, row.unique), name), resource.urn)) != resource.urn:
        yield f"{resource.urn}: {name!r} is the name of {earlier} too"


def _where(resource: Resource, scope: str) -> tuple[str, ...]:
    """Within what a name must be the only one."""
    metadata = resource.inputs.get("metadata")
    namespace = str(metadata.get("namespace", "")) if isinstance(metadata, Mapping) else str(resource.inputs.get("namespace", ""))
    return {"global": (), "account": (), "region": (resource.provider,), "cluster": (resource.provider,)}.get(
        scope, (resource.provider, namespace)
    )


def unlisted(resource: Resource) -> Iterator[str]:
    """Names of a resource that the table says nothing of."""
    rows, known = limits_of(resource.type), references.of(resource.type)
    if resource.type.startswith("kubernetes:"):
        named = ("name",) if resource.type.startswith("kubernetes:helm.sh/") else ("metadata", "name")
        if not any(row.path == named and row.type == resource.type for row in rows):
            yield f"{resource.type}: {'.'.join(named)} is a name, and tests/names/limits.csv has no row of it"
        return
    listed = {row.path[0] for row in rows if row.type == resource.type and len(row.path) == 1} | set(known)
    for key, value in resource.inputs.items():
        if isinstance(value, str) and NAMED.fullmatch(key) and key not in listed and (resource.type, key) not in WORDS:
            yield f"{resource.type}: {key} is a name, and tests/names/limits.csv has no row of it"
