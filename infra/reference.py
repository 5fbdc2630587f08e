"""The reference, made from models and tables: a JSON schema of stack files for editors, pages for people, and the list of examples.

`python -m infra.reference` writes them into docs/reference and examples; `--check` writes nothing and fails when any is stale.
"""

import itertools
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from infra import machines_page
from infra.platforms import MODELS, AnyStack
from infra.reading.shape import Schema, value_schema, words
from infra.reading.stackfile import KEY, SECTIONS

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
EXAMPLES: Final = FOLDER.parent.parent / "examples"

LEAD: Final = """\
# What a stack file may say

Made from the models by `python -m infra.reference`; do not edit. Editors that know the YAML language server check a stack file while
it is written when its first line is

```yaml
# yaml-language-server: $schema=docs/reference/stack.schema.json
```

Everything stands under `config:` → `groundwork:platform:`, beside `pulumi:disable-default-providers: ["*"]`. `site.cloud` decides which
of the platforms below a file describes. A field without a default is required. How a file is read: [config-flow.md](../config-flow.md).
"""

EXAMPLES_LEAD: Final = """\
# Examples

Whole platforms, each a stack file. Review one with `groundwork review --config FILE`, bring one up on the stage with `groundwork rehearse
up --config FILE`; `make test-engine` takes every one up and down. Made from the files by `python -m infra.reference`; do not edit.

"""


def schema() -> dict[str, Any]:
    """The JSON schema of a whole stack file."""
    platform = TypeAdapter[Any](AnyStack).json_schema()
    config = {
        KEY: {"anyOf": platform["anyOf"], "description": "The platform."},
        "pulumi:disable-default-providers": {"const": ["*"], "description": "No resource falls to a default provider."},
        "pulumi:tags": {"type": "object"},
        "pulumi:template": {"type": "string"},
    }
    sections = {name: {"type": "string"} for name in SECTIONS if name != "config"}
    required = [KEY, "pulumi:disable-default-providers"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of Groundwork",
        "type": "object",
        "additionalProperties": False,
        "required": ["config"],
        "properties": {"config": {"type": "object", "additionalProperties": False, "required": required, "properties": config}, **sections},
        "$defs": platform["$defs"],
    }


def page(whole: Schema) -> str:
    """The reference as Markdown: every model once, in the order in which a reader meets them."""
    definitions = whole["$defs"]
    parts = [LEAD]
    met: list[str] = []
    for model in MODELS:
        _meet(model.__name__, definitions, met)
    for name in met:
        parts += [f"## {name}\n", _prose(definitions[name].get("description", "")) + "\n", _table(definitions[name], definitions)]
    return "\n".join(parts)


def _meet(name: str, definitions: Schema, met: list[str]) -> None:
    if name in met:
        return
    met.append(name)
    for field in definitions[name].get("properties", {}).values():
        for inner in _references(field):
            _meet(inner, definitions, met)


def _references(schema: Schema) -> Iterator[str]:
    """Names of the models that a field may hold, in a list or mapping too."""
    if "$ref" in schema:
        yield schema["$ref"].rpartition("/")[2]
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("items"), value_schema(schema)]
    for part in filter(None, inner):
        yield from _references(part)


def _table(schema: Schema, definitions: Schema) -> str:
    rows = ["| field | holds | default | |", "|---|---|---|---|"]
    for name, field in schema.get("properties", {}).items():
        cells = [f"`{name}`", _cell(_holds(field, definitions)), _cell(_default(name, field, schema)), _cell(field.get("description", ""))]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _holds(schema: Schema, definitions: Schema) -> str:
    """What a field holds, with a link to the model where it is one."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})" if "properties" in definitions[name] else words(definitions[name])
    options = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if options:
        return " or ".join(_holds(option, definitions) for option in options if option.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_holds(schema['items'], definitions)}"
    value = value_schema(schema)
    if value is not None:
        return f"{_holds(value, definitions)} by name"
    return "secret" if schema.get("properties", {}).keys() == {"secure"} else words(schema)


def _default(name: str, field: Schema, schema: Schema) -> str:
    if name in schema.get("required", ()):
        return "**required**"
    default = field.get("default", {} if field.get("type") == "object" else None)
    return "absent" if default is None else f"`{json.dumps(default)}`"


def _cell(text: str) -> str:
    safe = _prose(text).replace("|", "\\|").replace("<", "&lt;")
    return re.sub(r"that matches (\S+)", r"that matches `\1`", safe)


def _prose(text: str) -> str:
    return " ".join(text.split())


def told_of(path: Path) -> str:
    """What an example shows: the comment at the head of its file."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text(encoding="utf-8").splitlines())
    return " ".join(line.lstrip("# ").rstrip() for line in lines)


def examples() -> str:
    """The list of examples as Markdown. Raises ValueError for an example that does not say what it shows."""
    found = {path.name: told_of(path) for path in sorted(EXAMPLES.glob("Pulumi.*.yaml"))}
    if mute := [name for name, told in found.items() if not told]:
        raise ValueError(f"examples/{mute[0]} must begin with a comment that says what it shows")
    return EXAMPLES_LEAD + "".join(f"- [{name}]({name}): {told}\n" for name, told in found.items())


def files() -> dict[Path, str]:
    """What the reference consists of, by path."""
    whole = schema()
    text = json.dumps(whole, indent=2, ensure_ascii=False, sort_keys=False)
    pages = {FOLDER / "config.md": page(whole), FOLDER / "machines.md": machines_page.page(), EXAMPLES / "README.md": examples()}
    return {FOLDER / "stack.schema.json": text + "\n", **pages}


def stale() -> list[Path]:
    """Files of the reference that do not say what the models say."""
    return [path for path, text in files().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write the reference, or with --check say which files are stale; the exit code is 1 when any is."""
    behind = stale()
    if "--check" in arguments:
        for path in behind:
            sys.stderr.write(f"{path} is stale: run `python -m infra.reference`\n")
        return int(bool(behind))
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
