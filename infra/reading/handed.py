"""Configuration as the engine hands it over: JSON text in which secrets stand in plain, and which of them were secrets in the file."""

import json
import re
from pathlib import Path as FilePath
from typing import Any

from components.spec import Secret
from infra.reading.faults import Fault
from infra.reading.stackfile import KEY, StackFile, scan
from infra.reading.yaml12 import BROKEN, MAX_DEPTH

MARKS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


class Differs(Exception):
    """The file is not the one that the engine read."""


def parsed(text: str) -> tuple[Any, list[Fault]]:
    """The value of a configuration text, or BROKEN and why it cannot be taken."""
    if not text.startswith(("{", "[")):
        return text or None, []
    depth = deepest = 0
    for mark in MARKS.findall(text):
        depth += (mark in "[{") - (mark in "]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return BROKEN, [Fault("platform", None, f"is nested more than {MAX_DEPTH} deep")]
    try:
        return json.loads(text), []
    except ValueError:
        return text, []


def file_beside(root: str | None, stack: str) -> StackFile | None:
    """The stack file in the project's folder, if there is one that can be read without fault."""
    path = FilePath(root or ".") / f"Pulumi.{stack}.yaml"
    found = scan(path) if path.is_file() else None
    return found if found and not found.refused else None


def lifted(value: Any, file: StackFile | None) -> Any | None:
    """The engine's value with a Secret wherever the file has one; None when the file does not say the same."""
    if file is None or KEY not in file.config:
        return None
    try:
        return _lift(value, file.config[KEY])
    except Differs:
        return None


def _lift(value: Any, written: Any) -> Any:
    if isinstance(written, Secret) and isinstance(value, str):
        return Secret(value, encrypted=False)
    if isinstance(written, dict) and isinstance(value, dict) and written.keys() == value.keys():
        return {key: _lift(item, written[key]) for key, item in value.items()}
    if isinstance(written, list) and isinstance(value, list) and len(written) == len(value):
        return [_lift(item, other) for item, other in zip(value, written, strict=True)]
    if type(written) is type(value) and written == value:
        return value
    raise Differs
