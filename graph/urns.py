"""URNs as the engine makes them, and its readings of aliases and of durations."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STACK_TYPE: Final = "pulumi:pulumi:Stack"
REFERENCE_TYPE: Final = "pulumi:pulumi:StackReference"

DURATION_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
"""Seconds per unit of Go's duration notation."""


@dataclass(frozen=True, slots=True)
class Urn:
    """The parts of a URN; `qualified_type` is the chain of parent types joined by `$`, without the root stack."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Urn":
        """Split a URN. Raises ValueError for text that is none."""
        prefix, *parts = text.split("::", 3)
        if not prefix.startswith("urn:pulumi:") or len(parts) != 3:
            raise ValueError(f"not a URN: {text}")
        return cls(prefix.removeprefix("urn:pulumi:"), *parts)

    @property
    def type(self) -> str:
        """The resource's own type token."""
        return self.qualified_type.rpartition("$")[2]

    def __str__(self) -> str:
        return f"urn:pulumi:{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def child_urn(stack: str, project: str, parent: str, token: str, name: str) -> str:
    """The URN of a resource below `parent` ("" for none): a root stack is left out of the chain of types."""
    above = Urn.parse(parent).qualified_type if parent else ""
    chain = "" if above in ("", STACK_TYPE) else f"{above}$"
    return str(Urn(stack, project, f"{chain}{token}", name))


def provider_urn(reference: str) -> str:
    """The URN within a provider reference `urn::id`."""
    return reference.rpartition("::")[0]


def own_urns(urns: Iterable[str]) -> tuple[str, ...]:
    """URNs of resources of the stack, in order: a reference to another stack is none, and is there before anything begins."""
    return tuple(sorted(urn for urn in urns if f"::{REFERENCE_TYPE}::" not in urn))


def seconds(duration: str) -> str:
    """A Go duration such as `1h20m` in whole seconds as the state keeps it: `4800s`. Raises ValueError for anything else."""
    parts = re.findall(r"([0-9.]+)(h|ms|us|µs|ns|m|s)", duration)
    if not parts or "".join(amount + unit for amount, unit in parts) != duration:
        raise ValueError(f"not a duration: {duration}")
    return f"{sum(float(amount) * DURATION_UNITS[unit] for amount, unit in parts):g}s"
