"""Faults out of pydantic's errors: where, what stands there, what is allowed and what was probably meant."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from pydantic_core import ErrorDetails

from components.spec import Secret, Spec
from infra.reading.faults import Fault, Path, did_you_mean, printable, spell
from infra.reading.shape import allowed_at, at, keys_at
from infra.reading.yaml12 import BROKEN

MOST: Final = 200
"""Faults of fields that are told of one file."""

KIND_FAULTS: Final = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "missing": "is required",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "union_tag_invalid": "is of no known kind",
    "union_tag_not_found": "is of no known kind",
}
"""Messages by pydantic's type of error; all other types are told by what the place allows."""


def field_faults(model: type[Spec], data: Any, errors: Iterable[ErrorDetails], *, hide: bool) -> Iterator[Fault]:
    """One fault per broken place; the alternatives of a union are told together."""
    by_path: dict[Path, list[ErrorDetails]] = {}
    for error in errors:
        by_path.setdefault(locate(data, error), []).append(error)
    above = {path[:length] for path in by_path for length in range(len(path))}
    told = 0
    for path, group in by_path.items():
        value = value_at(data, path)
        if (path in above and isinstance(value, dict)) or holds_broken(value):
            continue
        told += 1
        if told > MOST:
            yield Fault("platform", None, f"has more than {MOST} faults; these are the first")
            return
        yield field_fault(model, data, path, group, hide=hide)


def field_fault(model: type[Spec], data: Any, path: Path, group: Sequence[ErrorDetails], *, hide: bool) -> Fault:
    """What is wrong with one place, what it allows, and what was probably meant."""
    value = value_at(data, path)
    kinds = {error["type"] for error in group}
    allowed = "" if kinds <= {"value_error", "is_instance_of"} and at_text(model, path) else allowed_at(model, path)
    if "extra_forbidden" in kinds:
        known = keys_at(model, path[:-1])
        return Fault(spell(path), None, "is not a known key", ", ".join(known), did_you_mean(path[-1], known))
    if group[0]["loc"][-1:] == ("[key]",):
        return Fault(spell(path), None, "is not a name that can stand here", key_form(model, path[:-1]))
    if isinstance(value, Secret) and "plain_secret" not in kinds:
        return Fault(spell(path), None, "holds a secret where none belongs: write the value in plain", allowed)
    if "plain_secret" in kinds:
        fix = f"pulumi config set --secret --path 'groundwork:platform.{spell(path)}'"
        return Fault(spell(path), None, f"must be a secret, not plain text: set it with `{fix}`")
    hint = "" if hide else did_you_mean(value, choices(model, path))
    told = redact(data, message_of(group, value), hide=hide)
    return Fault(spell(path), shown(data, path, hide=hide), told, allowed, hint)


def at_text(model: type[Spec], path: Path) -> bool:
    """Whether the schema says no more of a place than that it is text."""
    return all(not {"pattern", "enum", "x-form"} & schema.keys() for schema in at(model, path))


def message_of(group: Sequence[ErrorDetails], value: Any) -> str:
    """What is wrong, from the errors of all alternatives at one place."""
    if "missing" not in {error["type"] for error in group} and value is None:
        return "is empty: give it a value, or remove the key"
    words = dict.fromkeys(filter(None, (_message(error) for error in group)))
    text = " or ".join(words) if words else "is not allowed here"
    wants_text = any(error["type"] in ("string_type", "literal_error") and "'" in str(error.get("ctx", "'")) for error in group)
    return text + (": quote it" if isinstance(value, bool | int | float) and wants_text else "")


def _message(error: ErrorDetails) -> str:
    if error["type"] == "is_instance_of":
        return ""
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if error["type"].endswith(("too_short", "too_long", "_than", "_equal", "pattern_mismatch", "literal_error", "multiple_of")):
        return "is not allowed here"
    return KIND_FAULTS.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])


def choices(model: type[Spec], path: Path) -> list[str]:
    """The words that a place allows, where it allows only some."""
    return [option for schema in at(model, path) for option in schema.get("enum", [schema.get("const")]) if isinstance(option, str)]


def key_form(model: type[Spec], path: Path) -> str:
    """What the keys of an open mapping must look like."""
    for schema in at(model, path):
        names = schema.get("propertyNames") or {}
        form = names.get("x-form") or names.get("pattern") or next(iter(schema.get("patternProperties", {})), "")
        if form:
            return str(form) if "x-form" in names else f"text that matches {form}"
    return ""


def locate(data: Any, error: ErrorDetails) -> Path:
    """Where in the data an error is: pydantic's location without the parts that name alternatives of a union."""
    path: list[str | int] = []
    here = data
    for position, part in enumerate(error["loc"]):
        if (isinstance(here, dict) and part in here) or (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            path.append(part)
            here = here[part]  # type: ignore[index]
        elif error["type"] == "missing" and position == len(error["loc"]) - 1:
            path.append(part)
    return tuple(path)


def value_at(data: Any, path: Path) -> Any:
    """What stands at a path; None where nothing does."""
    for part in path:
        inside = (isinstance(data, dict) and part in data) or (isinstance(data, list) and isinstance(part, int) and part < len(data))
        if not inside:
            return None
        data = data[part]
    return data


def holds_broken(value: Any) -> bool:
    """Whether the reader already told what is wrong here."""
    if isinstance(value, dict):
        return any(map(holds_broken, value.values()))
    return any(map(holds_broken, value)) if isinstance(value, list) else value is BROKEN


def shown(data: Any, path: Path, *, hide: bool) -> str | None:
    """The value as a message may show it: scalars only, never a secret, no text at all where secrets are about."""
    value = value_at(data, path)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)[:60]
    if isinstance(value, str) and not hide:
        return printable(value) if value else '""'
    return None


def redact(data: Any, message: str, *, hide: bool) -> str:
    """The message without any text of the data that could be a decrypted secret."""
    if hide:
        for text in sorted({text for text in texts(data) if len(text) > 3}, key=len, reverse=True):
            message = message.replace(text, "[hidden]")
    return message if len(message) <= 600 else message[:599] + "…"


def texts(value: Any) -> Iterator[str]:
    """Every text that stands as a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)
