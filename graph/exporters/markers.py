"""Markers in an export for values that must not be shown or cannot be known yet."""

from typing import Any, Final

from graph.model import UNKNOWN, SecretValue

SECRET: Final = "(secret)"
KNOWN_AFTER_APPLY: Final = "(known after apply)"


def masked(value: Any) -> Any:
    """The value with every leaf replaced by a marker of its own JSON type: text by `SECRET`, numbers by 0, booleans by False."""
    if isinstance(value, SecretValue):
        return masked(value.value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    if isinstance(value, bool | int | float):
        return type(value)()
    return value if value is None or value is UNKNOWN else SECRET


def plain(value: Any) -> Any:
    """The value as JSON: secrets masked, unknowns as `KNOWN_AFTER_APPLY`."""
    if isinstance(value, SecretValue):
        return plain(masked(value))
    if value is UNKNOWN:
        return KNOWN_AFTER_APPLY
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
