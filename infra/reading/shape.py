"""Shape of a stack file by the models: which models may stand in a place, which keys it has, what it allows in words."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter

from components.spec import Spec
from infra.reading.faults import Path

Schema = Mapping[str, Any]
"""A JSON schema, or a part of one."""


def members(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation, without None and metadata."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for option in get_args(annotation):
            yield from members(option)
    elif annotation is not NoneType:
        yield annotation


def spec_for(annotation: Any, data: Any) -> type[Spec] | None:
    """The one model that a mapping is meant for: the only one there is, or the one whose tags it carries."""
    specs = [option for option in members(annotation) if isinstance(option, type) and issubclass(option, Spec)]
    if len(specs) > 1:
        specs = [spec for spec in specs if _tagged(spec, data)] if any(map(_tags, specs)) else _spoken_for(specs, data)
    return specs[0] if len(specs) == 1 else None


def _tagged(spec: type[Spec], data: Mapping[str, Any]) -> bool:
    """Whether the data holds the value of every field that has only one."""
    single = _tags(spec)
    return bool(single) and all(data.get(name) == value for name, value in single.items())


def _tags(spec: type[Spec]) -> dict[str, Any]:
    """The fields of a model that have only one value, with it."""
    choices = {name: get_args(field.annotation) for name, field in spec.model_fields.items() if get_origin(field.annotation) is Literal}
    return {name: values[0] for name, values in choices.items() if len(values) == 1}


def _spoken_for(specs: Sequence[type[Spec]], data: Mapping[str, Any]) -> list[type[Spec]]:
    """Of models without tags, those that a key in the data speaks for: one that none of the others has."""
    known = {spec: spec.model_fields.keys() for spec in specs}
    return [spec for spec in specs if (known[spec] - {name for other in specs if other is not spec for name in known[other]}) & data.keys()]


def item_of(annotation: Any, container: type) -> Any:
    """What a list (container `tuple`) or mapping (`dict`) of this annotation holds, or None where it is no such thing."""
    for option in members(annotation):
        if get_origin(option) is container:
            return get_args(option)[-1] if container is dict else get_args(option)[0]
    return None


@cache
def schema_of(model: type[Spec]) -> Schema:
    """The JSON schema of a model."""
    return TypeAdapter(model).json_schema()


def at(model: type[Spec], path: Path) -> list[Schema]:
    """The schemas, one per alternative, of a place below a model; empty where the model has no such place."""
    root = schema_of(model)
    found = alternatives(root, root)
    for part in path:
        found = [option for schema in found for option in _below(schema, part, root)]
    return found


def alternatives(schema: Schema, root: Schema) -> list[Schema]:
    """A schema with references followed and unions taken apart."""
    if "$ref" in schema:
        return alternatives(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return [option for part in schema[union] for option in alternatives(part, root)]
    return [schema]


def _below(schema: Schema, part: str | int, root: Schema) -> list[Schema]:
    if isinstance(part, int):
        return alternatives(schema["items"], root) if "items" in schema else []
    if part in schema.get("properties", {}):
        return alternatives(schema["properties"][part], root)
    value = value_schema(schema)
    return alternatives(value, root) if value else []


def value_schema(schema: Schema) -> Schema | None:
    """What the values of an open mapping are, or None for anything else."""
    if "patternProperties" in schema:
        return next(iter(schema["patternProperties"].values()), None)
    more = schema.get("additionalProperties")
    return more if isinstance(more, dict) else None


def keys_at(model: type[Spec], path: Path) -> list[str]:
    """The known keys of the mapping at a path."""
    return [key for schema in at(model, path) for key in schema.get("properties", {})]


def allowed_at(model: type[Spec], path: Path) -> str:
    """What a place allows, in words; empty where nothing can be said."""
    return " or ".join(dict.fromkeys(filter(None, map(words, at(model, path)))))


def words(schema: Schema) -> str:
    """What one schema allows, in words."""
    if "x-form" in schema:
        return str(schema["x-form"])
    if "const" in schema or "enum" in schema:
        return ", ".join(_spelt(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return _number(schema, "whole number" if kind == "integer" else "number")
    if kind == "string":
        return _text(schema)
    if kind == "array":
        return "list"
    if "properties" in schema:
        return "mapping of " + ", ".join(schema["properties"])
    return {"boolean": "true or false", "object": "mapping", "null": "nothing"}.get(str(kind), "")


def _spelt(value: Any) -> str:
    return {True: "true", False: "false", None: "nothing"}.get(value, str(value)) if isinstance(value, bool | NoneType) else str(value)


def _number(schema: Schema, noun: str) -> str:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    bounds = [f"{'more than' if 'exclusiveMinimum' in schema else 'from'} {low:g}" if low is not None else ""]
    bounds += [f"{'below' if 'exclusiveMaximum' in schema else 'to'} {high:g}" if high is not None else ""]
    return " ".join([noun, *filter(None, bounds)])


def _text(schema: Schema) -> str:
    low, high = schema.get("minLength"), schema.get("maxLength")
    length = f" of {low} to {high} characters" if low and high else f" of at most {high} characters" if high else ""
    form = f" that matches {schema['pattern']}" if "pattern" in schema else ""
    example = f', such as "{schema["examples"][0]}"' if schema.get("examples") else ""
    return f"text{length}{form}{example}"
