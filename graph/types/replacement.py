"""Replacement of resources: whether a change of inputs updates or replaces, by a table read from the upstream provider's source."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graph.model import SecretValue
from graph.types.schema import child_path
from graph.types.tables import rows


class UnknownReplacement(Exception):
    """The table cannot say whether this change replaces; treating it as an update would be a guess."""


@dataclass(frozen=True, slots=True)
class Diff:
    """`changed` and `replaces` are property paths (`scalingConfig.maxSize`, `subnetIds[1]`), the second a part of the first.

    `delete_before_replace` says that the bridge always deletes this type first; what follows from names is not judged here.
    """

    changed: tuple[str, ...]
    replaces: tuple[str, ...]
    delete_before_replace: bool


def diff(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Diff:
    """What separates two sets of inputs of a type, and what of it forces a new resource.

    Raises UnknownReplacement for a changed type without a row, for properties newer than the table's source, and for conditions
    that only the provider can judge.
    """
    changed = tuple(_changes(old, new, ""))
    if not changed:
        return Diff((), (), False)
    row = rows("replacement").get(token)
    if row is None:
        raise UnknownReplacement(f"whether a change of {token} replaces it is not in the table: add a row with its source")
    unread = [path for path in changed if top(path) in row.get("unread", ())]
    if unread:
        raise UnknownReplacement(f"{token}: {', '.join(unread)} is newer than the table's source")
    replaces = tuple(path for path in changed if _replaces(token, row, path, changed, old, new))
    return Diff(changed, replaces, bool(replaces) and row.get("delete_first", False))


def top(path: str) -> str:
    """The top-level property of a path."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def plain(path: str) -> str:
    """A path without list indexes."""
    return re.sub(r"\[\d+\]", "", path)


def _changes(old: Any, new: Any, path: str) -> Iterator[str]:
    old, new = (value.value if isinstance(value, SecretValue) else value for value in (old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _changes(old.get(key), new.get(key), child_path(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _changes(_item(old, index), _item(new, index), child_path(path, index))
    elif old is not new and old != new:
        yield path


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else None


def _replaces(
    token: str, row: Mapping[str, Any], path: str, changed: tuple[str, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> bool:
    if top(path) in row["replaces"]:
        return not _in_place(row, path, changed)
    if any(_touches(path, nested, old, new) for nested in row.get("nested", ())):
        return True
    return any(_holds(token, condition, path, old, new) for condition in row.get("conditional", ()) if _concerns(condition, path))


def _in_place(row: Mapping[str, Any], path: str, changed: tuple[str, ...]) -> bool:
    """Whether the whole change of the property lies where the provider updates in place."""
    beside = [plain(other) for other in changed if top(other) == top(path)]
    return all(any(_within(other, allowed) for allowed in row.get("in_place", ())) for other in beside)


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}.")


def _touches(path: str, nested: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a change lies under a nested path, or adds or removes a block that holds it."""
    changed = plain(path)
    if _within(changed, nested):
        return True
    return _within(nested, changed) and (_values(old, nested) != _values(new, nested))


def _values(value: Any, path: str) -> list[Any]:
    """Everything at a path without indexes, through every list on the way."""
    found = [value]
    for key in path.split("."):
        held = [item for one in found for item in (one if isinstance(one, list) else [one])]
        found = [one[key] for one in held if isinstance(one, Mapping) and one.get(key) is not None]
    return found


def _concerns(condition: Mapping[str, Any], path: str) -> bool:
    return any(_within(plain(path), name) or _within(name, plain(path)) for name in condition["properties"])


def _holds(token: str, condition: Mapping[str, Any], path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    rule = RULES.get(condition["rule"])
    if rule is None:
        raise UnknownReplacement(f"{token}: {path} replaces {condition['when']}, which only the provider can judge")
    return rule(condition, old, new)


def _single(values: list[Any]) -> Any:
    return values[0] if values else None


def _before_and_after(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Any, Any]:
    name = condition["properties"][0]
    return _single(_values(old, name)), _single(_values(new, name))


def _removed(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _before_and_after(condition, old, new)
    return bool(before) and not after


def _set_to_other(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _before_and_after(condition, old, new)
    return bool(before) and bool(after) and before != after


def _from_to(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return _before_and_after(condition, old, new) == (condition["from"], condition["to"])


def _not_from_unset(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _before_and_after(condition, old, new)
    return before is not None and before != after


def _lowered(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _before_and_after(condition, old, new)
    return before is not None and after is not None and float(after) < float(before)


def _other_kind(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    names = condition["properties"]
    return {name for name in names if name in old} != {name for name in names if name in new}


def _if(condition: Mapping[str, Any], old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return new.get(condition["if_property"]) in condition["is"]


RULES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "removed": _removed,
    "set-to-other": _set_to_other,
    "from-to": _from_to,
    "not-from-unset": _not_from_unset,
    "lowered": _lowered,
    "other-kind": _other_kind,
    "if": _if,
}
"""How a condition of the table is judged from old and new inputs, by its name there."""
