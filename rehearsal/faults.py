"""Faults as data: what goes wrong in a rehearsal, when, and with which of the clouds' own errors.

A file is YAML:

```yaml
faults:
  - operation: create                 # configure | check | diff | create | read | update | delete, or "*"
    type: "aws:eks/nodeGroup:*"       # shell pattern over the type token; default "*"
    urn: "*serving*"                  # shell pattern over the URN; default "*"
    calls: [1, 2]                     # which of the calls that match, counted from 1; "all" for every one; default [1]
    error: insufficient-capacity      # a name of `rehearsal/data/errors.yaml`; or
    message: "anything at all"        # the text itself, with an optional `code:`
    latency: 2.5                      # seconds before the answer; with or without an error
    when: before                      # before: nothing happened · after: it happened, and the answer was lost · partial: made, not ready
```

A retryable error (throttling) is tried again as the provider's SDK would, every attempt counting as a call; so a burst shorter than the
SDK's patience is survived and a longer one is not. Counts start anew with every start of the servers.
"""

import threading
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rehearsal.answers import CloudError

Operation = Literal["configure", "check", "diff", "create", "read", "update", "delete", "*"]
When = Literal["before", "after", "partial"]
Wait = Callable[[float], None]


class FaultsInvalid(Exception):
    """The faults file cannot be used; the message names every place and what is allowed there."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorKind(_Closed):
    """One of the clouds' own errors."""

    code: str
    message: str
    retryable: bool = False
    source: str


class Fault(_Closed):
    """One thing that goes wrong."""

    operation: Operation
    type: str = "*"
    urn: str = "*"
    calls: Literal["all"] | tuple[Annotated[int, Field(ge=1)], ...] = (1,)
    error: str = ""
    code: str = ""
    message: str = ""
    latency: Annotated[float, Field(ge=0, le=3600)] = 0.0
    when: When = "before"

    @model_validator(mode="after")
    def _says_something(self) -> "Fault":
        if self.error and self.message:
            raise ValueError("give `error` or `message`, not both")
        if self.error and self.error not in catalogue():
            raise ValueError(f"`error` must be one of {', '.join(sorted(catalogue()))}")
        if not (self.error or self.message or self.latency):
            raise ValueError("give an `error`, a `message` or a `latency`")
        if self.when != "before" and self.operation not in ("create", "update", "delete"):
            raise ValueError(f"`when: {self.when}` is for create, update and delete")
        if self.when == "partial" and self.operation == "delete":
            raise ValueError("`when: partial` is for create and update")
        return self

    def concerns(self, operation: str, token: str, urn: str) -> bool:
        """Whether a call is counted by this fault."""
        return self.operation in (operation, "*") and fnmatchcase(token, self.type) and fnmatchcase(urn, self.urn)

    def refusal(self) -> CloudError | None:
        """The error to answer with; None when the fault is only slow."""
        if self.error:
            kind = catalogue()[self.error]
            return CloudError(kind.code, kind.message, retryable=kind.retryable)
        return CloudError(self.code, self.message) if self.message else None


class FaultFile(_Closed):
    """The whole file."""

    faults: tuple[Fault, ...] = ()


@cache
def catalogue() -> dict[str, ErrorKind]:
    """The named errors, with where each is documented."""
    rows: dict[str, Any] = yaml.safe_load(resources.files("rehearsal").joinpath("data/errors.yaml").read_text("utf-8"))
    return {name: ErrorKind(**row) for name, row in rows.items()}


def read(path: Path) -> tuple[Fault, ...]:
    """The faults of a file; raises FaultsInvalid with every place that is wrong."""
    try:
        return parse(yaml.safe_load(path.read_text("utf-8")), str(path))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise FaultsInvalid(f"{path}: {problem}") from None


def parse(document: Any, where: str = "faults") -> tuple[Fault, ...]:
    """The faults of a parsed document; raises FaultsInvalid with every place that is wrong."""
    try:
        return FaultFile.model_validate(document).faults
    except ValidationError as problem:
        lines = [f"  {'.'.join(map(str, row['loc'])) or 'file'}: {row['msg']}" for row in problem.errors()]
        raise FaultsInvalid("\n".join([f"{where} is not a faults file:", *lines])) from None


class Faults:
    """The faults of one run and how often each was met. Safe for many threads."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self._faults = tuple(faults)
        self._met = [0] * len(self._faults)
        self._lock = threading.Lock()

    @property
    def met(self) -> tuple[int, ...]:
        """How many calls each fault has counted, in the order of the file."""
        with self._lock:
            return tuple(self._met)

    def _due(self, operation: str, token: str, urn: str) -> list[Fault]:
        due = []
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.concerns(operation, token, urn):
                    self._met[index] += 1
                    if fault.calls == "all" or self._met[index] in fault.calls:
                        due.append(fault)
        return due

    def strike(self, operation: str, token: str, urn: str, *, attempts: int, wait: Wait) -> tuple[When, CloudError] | None:
        """Count one call, wait as long as its faults say, and return how it goes wrong, if it does.

        A retryable error is met again until it stops or `attempts` are used up. `wait` takes seconds and may raise to cancel.
        """
        struck: tuple[When, CloudError] | None = None
        for _ in range(max(1, attempts)):
            struck = None
            for fault in self._due(operation, token, urn):
                if fault.latency:
                    wait(fault.latency)
                refusal = fault.refusal()
                if refusal and not struck:
                    struck = (fault.when, refusal)
            if struck is None or not struck[1].retryable:
                return struck
        return struck
