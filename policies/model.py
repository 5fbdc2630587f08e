"""Policy rules: what one is, what it sees, and what it can say."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from graph.model import UNKNOWN, Graph, Resource, SecretValue

Level = Literal["mandatory", "advisory"]
Severity = Literal["critical", "high", "medium", "low"]
Status = Literal["pass", "fail", "waived", "undetermined", "not-applicable", "error"]
Tier = Literal["production", "nonproduction"]

TIER_KEYS = ("groundwork:tier", "groundwork.dev/tier")
"""The AWS tag and the Kubernetes label that carry the tier of a stack."""


class Undetermined(Exception):
    """A rule met a value that only an apply can tell; its text is the property path."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one resource. `message` is empty for a pass and never holds a secret."""

    rule: str
    urn: str
    status: Status
    level: Level
    severity: Severity
    message: str = ""


def plain(value: Any, path: str = "") -> Any:
    """The value with secrets opened for judging. Raises Undetermined when any of it is unknown."""
    if value is UNKNOWN:
        raise Undetermined(path or "a value")
    if isinstance(value, SecretValue):
        return plain(value.value, path)
    if isinstance(value, Mapping):
        return {key: plain(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    return value


def get(source: Any, path: str, default: Any = None) -> Any:
    """What stands at a dotted path, `default` when nothing does. Raises Undetermined when it, or anything on the way, is unknown."""
    value = source.inputs if isinstance(source, Resource) else source
    for part in path.split("."):
        value = value.value if isinstance(value, SecretValue) else value
        if value is UNKNOWN:
            raise Undetermined(path)
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return plain(value, path)


def secrets(value: Any) -> Iterator[str]:
    """Every secret text in a value."""
    if isinstance(value, SecretValue):
        yield str(value.value)
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from secrets(item)


def redacted(message: str, hidden: Iterable[str]) -> str:
    """The message without any word that stands in a secret."""
    words = {word for word in re.findall(r"\S{4,}", message) for secret in hidden if word.strip(",;") in secret}
    for word in words:
        message = message.replace(word, "[secret]")
    return message


def document(source: Any, path: str) -> Mapping[str, Any]:
    """An IAM-like document, given as JSON text. Raises Undetermined when it is unknown, ValueError when it is no document."""
    found = json.loads(get(source, path, "{}"))
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no document")
    return found


def many(value: Any) -> list[Any]:
    """IAM writes one of something without the list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


@dataclass(frozen=True)
class View:
    """A graph as rules look at it: joined over references, with the tier of its stack."""

    graph: Graph

    @cached_property
    def by_type(self) -> Mapping[str, tuple[Resource, ...]]:
        """Resources by type token."""
        found: dict[str, list[Resource]] = {}
        for resource in self.graph:
            found.setdefault(resource.type, []).append(resource)
        return {token: tuple(rows) for token, rows in found.items()}

    @cached_property
    def tier(self) -> Tier:
        """The tier that the stack's labels name; production when none does, so that a lost label loosens nothing."""
        named = {labels.get(key) for resource in self.graph for labels in ownership(resource) for key in TIER_KEYS}
        return "nonproduction" if named - {None} == {"nonproduction"} else "production"

    def of(self, *types: str) -> tuple[Resource, ...]:
        """Resources of these types."""
        return tuple(resource for token in types for resource in self.by_type.get(token, ()))

    def linked(self, resource: Resource, name: str, *types: str) -> tuple[Resource, ...]:
        """Resources of these types that an input of `resource` came from."""
        urns = resource.property_dependencies.get(name, ())
        return tuple(found for urn in urns if (found := self.graph.by_urn.get(urn)) and (not types or found.type in types))

    def attached(self, resource: Resource, token: str, name: str, value: str = "") -> tuple[Resource, ...]:
        """Resources of a type whose input `name` came from `resource`, or equals what its own input `value` says."""
        own = resource.inputs.get(value)
        return tuple(
            found
            for found in self.of(token)
            if resource.urn in found.property_dependencies.get(name, ()) or (own and found.inputs.get(name) == own)
        )


def ownership(resource: Resource) -> Iterable[Mapping[str, Any]]:
    """The tags and labels of a resource, whichever it has."""
    metadata = resource.inputs.get("metadata")
    for found in (resource.inputs.get("tags"), metadata.get("labels") if isinstance(metadata, Mapping) else None):
        if isinstance(found, Mapping):
            yield found


Check = Callable[[Resource, View], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `check` yields a message for each violation it finds on a resource of one of `types`.

    `tier` limits it to stacks of that tier, `within` to stacks and `only` to resources for which they hold; elsewhere the verdict is
    not-applicable. In stacks of the tier `advises` it advises only.
    """

    id: str
    concern: str
    title: str
    remedy: str
    types: Sequence[str]
    check: Check
    severity: Severity = "high"
    level: Level = "mandatory"
    tier: Tier | None = None
    advises: Tier | None = None
    only: Callable[[Resource], bool] | None = None
    within: Callable[[View], bool] | None = None

    def level_in(self, tier: Tier) -> Level:
        """Its level in stacks of a tier."""
        return "advisory" if tier == self.advises else self.level

    def applies(self, resource: Resource, view: View) -> bool:
        """Whether the rule speaks of a resource."""
        if self.tier and self.tier != view.tier:
            return False
        return (self.only is None or self.only(resource)) and (self.within is None or self.within(view))

    def judge(self, resource: Resource, view: View) -> tuple[Status, str]:
        """The status of one resource, and why. A rule that crashes is an error, never a pass."""
        try:
            if not self.applies(resource, view):
                return "not-applicable", ""
            found = list(self.check(resource, view))
        except Undetermined as unknown:
            return "undetermined", f"{unknown} is known only after apply"
        except Exception as error:  # isolated here so that one broken rule cannot hide the others
            return "error", f"the rule broke: {type(error).__name__}"
        return ("fail", redacted("; ".join(found), [*secrets(resource.inputs)])) if found else ("pass", "")


@dataclass(slots=True)
class Book:
    """Rules being collected by a module of one concern."""

    concern: str
    rules: list[Rule] = field(default_factory=list)

    def rule(self, name: str, *types: str, title: str, remedy: str, **more: Any) -> Callable[[Check], Check]:
        """Enter a check as a rule."""

        def enter(check: Check) -> Check:
            self.rules.append(Rule(name, self.concern, title, remedy, types, check, **more))
            return check

        return enter
