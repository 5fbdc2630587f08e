"""As much of a model as is sound, and the rules that hold or break on that much."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from components.spec import Problem, Reading, Spec
from infra.reading.faults import Path
from infra.reading.shape import item_of, spec_for
from infra.reading.told import locate

UNSOUND: Final = object()
"""What building returns where no value can be made."""

WHOLE: Final = frozenset({"too_short", "too_long", "value_error"})
"""Errors of a collection as a whole: rules may count on its length, so no part of it is used."""


def broken_rules(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every rule broken in a model and below it, so far as the fields that rules read are there."""
    if isinstance(value, Spec):
        for name in type(value).model_fields:
            if name in value.__dict__:
                yield from broken_rules(value.__dict__[name], (*path, name))
        for fields, check in type(value).rules():
            if all(name in value.__dict__ for name in fields):
                yield from ((path + problem.path, problem.message) for problem in _tried(check, value))
    elif isinstance(value, Mapping | tuple):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from broken_rules(item, (*path, key))


def _tried(check: Callable[[Any], Iterable[Problem]], value: Spec) -> Iterator[Problem]:
    """What a rule finds, up to where it reads a field that is not sound; that field has its own fault."""
    try:
        yield from check(value)
    except AttributeError as absent:
        if not isinstance(absent.obj, Spec) or absent.name not in type(absent.obj).model_fields:
            raise


class Builder:
    """Builds as much of a model as is sound. A field that is not is simply absent, and reading it raises AttributeError.

    `found` holds the errors that only building shows: pydantic leaves what stands behind its first error in a place unread, such as
    the items of a list beyond the most that it may hold.
    """

    def __init__(self, data: Any, errors: Iterable[ErrorDetails], reading: Reading) -> None:
        found = [(locate(data, error), error["type"]) for error in errors]
        broken = [path for path, _ in found]
        self.of_no_kind = {path for path, kind in found if kind.startswith("union_tag")}
        self.whole = {path for path, kind in found if kind in WHOLE}
        self.touched = {path[:length] for path in broken for length in range(len(path) + 1)}
        self.reading = reading
        self.found: list[ErrorDetails] = []

    def spec(self, model: type[Spec], data: Mapping[str, Any], path: Path) -> Spec:
        """The model with its sound fields only."""
        values = {}
        for name, field in model.model_fields.items():
            if name in data:
                value = self.value(field.annotation, adapter(model, name), data[name], (*path, name))
            else:
                value = UNSOUND if field.is_required() else field.get_default(call_default_factory=True)
            if value is not UNSOUND:
                values[name] = value
        instance = model.model_construct(data.keys() & values.keys(), **values)
        for name in set(model.model_fields) - set(values):
            instance.__dict__.pop(name, None)
        return instance

    def value(self, annotation: Any, check: TypeAdapter[Any], data: Any, path: Path) -> Any:
        """The value of one place, in part where it is a model or a collection of models, else UNSOUND."""
        if path not in self.touched:
            return self._whole(check, data, path)
        if path in self.of_no_kind:
            return UNSOUND
        part = self._part(annotation, data, path)
        return UNSOUND if path in self.whole else part

    def _part(self, annotation: Any, data: Any, path: Path) -> Any:
        if isinstance(data, dict):
            model = spec_for(annotation, data)
            return self.spec(model, data, path) if model else self._table(item_of(annotation, dict), data, path)
        return self._row(item_of(annotation, tuple), data, path) if isinstance(data, list) else UNSOUND

    def _whole(self, check: TypeAdapter[Any], data: Any, path: Path) -> Any:
        try:
            return check.validate_python(data, context=self.reading)
        except ValidationError as refused:
            self.found += [{**error, "loc": (*path, *error["loc"])} for error in refused.errors(include_url=False)]
            return UNSOUND

    def _table(self, annotation: Any, data: Mapping[str, Any], path: Path) -> Any:
        if annotation is None:
            return UNSOUND
        check = _of(annotation)
        built = {key: self.value(annotation, check, item, (*path, key)) for key, item in data.items()}
        return UNSOUND if UNSOUND in built.values() else built

    def _row(self, annotation: Any, data: Sequence[Any], path: Path) -> Any:
        if annotation is None:
            return UNSOUND
        check = _of(annotation)
        built = tuple(self.value(annotation, check, item, (*path, index)) for index, item in enumerate(data))
        return UNSOUND if any(item is UNSOUND for item in built) else built


@cache
def _of(annotation: Any) -> TypeAdapter[Any]:
    """The validation of an annotation; making one takes longer than a whole file does."""
    return TypeAdapter(annotation)


@cache
def adapter(model: type[Spec], name: str) -> TypeAdapter[Any]:
    """The validation of one field of a model by itself."""
    field = model.model_fields[name]
    annotation: Any = field.rebuild_annotation() if field.metadata else field.annotation
    return TypeAdapter(annotation)
