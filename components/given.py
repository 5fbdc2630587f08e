"""Marker of fields that name what others own: it is referred to, and never changed. One marker serves rehearsals and reviews alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """Marks the type of a field whose value names something that exists outside the stack.

    `token` is the resource type that the value may be referred to as, "" where nothing refers to it; `what` is what people call it.
    """

    token: str
    what: str


@dataclass(frozen=True, slots=True)
class GivenThing:
    """One thing that a stack file names and others own."""

    place: Place
    token: str
    what: str
    value: str


def given(model: BaseModel) -> Iterator[GivenThing]:
    """Every value in a model, and in the models it holds, whose type is marked as given."""
    yield from _of_model(model, ())


def _of_model(model: BaseModel, place: Place) -> Iterator[GivenThing]:
    for name, field in type(model).model_fields.items():
        value = model.__dict__.get(name)
        yield from _found(value, (*place, name), (field.annotation, *field.metadata))


def _found(value: Any, place: Place, parts: tuple[Any, ...]) -> Iterator[GivenThing]:
    """`parts` are an annotation and what it carries."""
    if isinstance(value, BaseModel):
        yield from _of_model(value, place)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _found(item, (*place, str(key)), _below(parts, dict))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _found(item, (*place, index), _below(parts, tuple))
    elif isinstance(value, str):
        yield from (GivenThing(place, part.token, part.what, value) for part in _flat(parts) if isinstance(part, Given))


def _flat(parts: tuple[Any, ...]) -> Iterator[Any]:
    """Annotations with their metadata and alternatives beside them."""
    for part in parts:
        if get_origin(part) is Annotated or get_origin(part) is Union or type(part).__name__ == "UnionType":
            yield from _flat(get_args(part))
        else:
            yield part


def _below(parts: tuple[Any, ...], container: type) -> tuple[Any, ...]:
    """The annotations of what a list or mapping holds."""
    position = 1 if container is dict else 0
    return tuple(get_args(part)[position] for part in _flat(parts) if get_origin(part) is container)
