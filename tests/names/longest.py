"""Stack files whose every name is as long as the models take."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from components.spec import Secret
from graph.model import Graph
from graph.recorder import record
from infra.compose import compose
from infra.platforms import AnyStack, model_of
from infra.reading.shape import Schema, at
from infra.reading.stackfile import KEY, read
from tests.config.fields import data, judged, model

STACK: Final = "an-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x-x"
"""A stack name of 40 characters, which is as long as one may be."""
KEPT: Final = frozenset({"artifacts", "checkpoints", "datasets", "logs", "models", "raw", "gp3", "shared", "groundwork-secrets"})
"""Words that stand where a name may and mean something of ours: purposes of buckets, classes of volumes."""
FILLERS: Final = ("-x", "x", ".x", "/x", "X", "_x", "0")
DOMAIN: Final = ".x" + 3 * (29 * "-x" + ".x" + "-x")
"""What makes host names long: the same for all, since some stand below others."""


def _schema_of_keys(schema: Schema) -> Schema:
    """What the keys of an open mapping must be."""
    pattern = next(iter(schema.get("patternProperties", {"": {}})))
    return {**schema.get("propertyNames", {}), **({"pattern": pattern} if pattern else {})}


def stretched(text: str, schema: Schema) -> str:
    """The longest text that begins as one does and that a schema takes; the text itself where it takes no longer one."""
    pattern, most = str(schema.get("pattern", "")), int(schema.get("maxLength", 63))
    if (
        not pattern
        or text in KEPT
        or text.startswith("arn:")
        or pattern.startswith(("^arn", "^1\\.", "^models", "^[A-Za-z0-9_+"))
        or "@sha256" in pattern
        or "http" in pattern
    ):
        return text
    if most == 253 and "." in text:
        return text + DOMAIN if re.search(pattern, text + DOMAIN) else text
    for filler in FILLERS:
        found = (text + filler * most)[:most]
        found = found[:-1] + "x" if found.endswith(("-", ".", "/", "_")) else found
        if most > len(text) and re.search(pattern, found):
            return found
    return text


def longest(owner: type[AnyStack], value: Any, place: tuple[str | int, ...] = ()) -> Any:
    """A document with every key and every text as long as the model takes."""
    if isinstance(value, Mapping) and not isinstance(value, Secret):
        return dict(_pairs(owner, value, place))
    if isinstance(value, list):
        return [longest(owner, item, (*place, index)) for index, item in enumerate(value)]
    if isinstance(value, str):
        return max((stretched(value, schema) for schema in at(owner, place) if schema.get("type") == "string"), key=len, default=value)
    return value


def _pairs(owner: type[AnyStack], value: Mapping[str, Any], place: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        open_ones = [schema for schema in at(owner, place) if key not in schema.get("properties", {}) and "patternProperties" in schema]
        called = max((stretched(key, _schema_of_keys(schema)) for schema in open_ones), key=len, default=key)
        yield called, longest(owner, item, (*place, key))


def platform(context: str) -> AnyStack:
    """The platform of one of the full example files, with its names as long as may be."""
    made = judged(context, longest(model(context), data(context)))
    assert made, f"{context} is refused with its names as long as may be"
    return made


def graph(context: str) -> Graph:
    """What is made of it, in a stack whose name is as long as may be."""
    stack_file = platform(context)
    return record(lambda: compose(stack_file, project="groundwork", stack=STACK), project="groundwork", stack=STACK, config={})


def written(folder: Path, source: Path, stack: str, **changes: str) -> Path:
    """The file of a stack like another, with names as long as may be and some fields of its own."""
    document = read(source).config[KEY]
    owner = model_of(document)
    assert owner
    config = {"pulumi:disable-default-providers": ["*"], KEY: {**longest(owner, document), **changes}}
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_text(yaml.safe_dump({"config": config}, sort_keys=False), encoding="utf-8")
    return path
