"""One validation for both readers: everything that is wrong with a platform, found in one go.

pydantic tells what is wrong with single fields; rules between fields are then run on whatever is sound, so that a typing
error in one corner does not hide a contradiction in another.
"""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from components.spec import Reading, Spec
from infra.reading.faults import Fault, spell
from infra.reading.partial import Builder, broken_rules
from infra.reading.told import field_faults, redact, shown

Model = TypeVar("Model", bound=Spec)


def judge(model: type[Model], data: Any, reading: Reading, *, hide: bool = False) -> tuple[Model | None, list[Fault]]:
    """The validated model, or None and every fault. `hide` keeps the texts that stand in the data out of all messages."""
    errors: list[ErrorDetails] = []
    whole: Model | None = None
    try:
        whole = model.model_validate(data, context=reading)
        found = broken_rules(whole, ())
    except ValidationError as refused:
        errors = [error for error in refused.errors(include_url=False) if not _spurious(error)]
        builder = Builder(data, errors, reading)
        found = broken_rules(builder.spec(model, data if isinstance(data, dict) else {}, ()), ())
        errors += [error for error in builder.found if not _spurious(error)]
    faults = list(field_faults(model, data, errors, hide=hide))
    told = {fault.path for fault in faults}
    for path, message in found:
        fault = Fault(spell(path), shown(data, path, hide=hide), redact(data, message, hide=hide))
        if fault.path not in told and fault not in faults:
            faults.append(fault)
    return (None if faults else whole), faults


def _spurious(error: ErrorDetails) -> bool:
    """pydantic counts only the sound items of a list, and then calls a long enough list short."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]
