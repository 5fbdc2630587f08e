"""Latency of clouds to create and delete, in seconds, as observed in public logs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from graph.types.tables import load, rows

SKIPPED: Final = "pulumi.com/skipAwait"
"""Annotation of an object that the provider does not wait for. Source: pulumi-kubernetes, provider/pkg/metadata/annotations.go."""
NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds: the median and the range observed. `measured` is False where the default for quick calls stands in."""

    median: float
    least: float
    most: float
    measured: bool


def of(token: str, operation: str = "create", inputs: Mapping[str, Any] = NOTHING) -> Latency:
    """The latency of `operation` (create | delete) for a type, of the variant that the inputs make of it where there are several.

    Pods of an endpoint are waited for until their model is loaded. Raises KeyError for another operation.
    """
    default = load("latency")["default"][operation]
    row = None if skipped(inputs) else _variant(rows("latency").get(token, NOTHING), operation, inputs)
    figures = row or default
    found = Latency(figures["p50_s"], figures["min_s"], figures["max_s"], row is not None)
    load_time = loading(inputs) if operation == "create" and not skipped(inputs) else 0
    return replace(found, median=found.median + load_time, most=found.most + load_time) if load_time else found


def skipped(inputs: Mapping[str, Any]) -> bool:
    """Whether the provider does not wait for an object of Kubernetes to be ready."""
    return _mapping(_mapping(inputs, "metadata"), "annotations").get(SKIPPED) == "true"


def loading(inputs: Mapping[str, Any]) -> int:
    """Seconds that the pods of an object take to load a model, at worst, as their startup probes allow; 0 for what loads none.

    Replicas load at the same time, and so do the pods of one replica.
    """
    known = load("latency")["load"]
    labels = _mapping(_mapping(inputs, "metadata"), "labels")
    return max(_probed(inputs.get("spec")), default=0) if labels.get(known["label"]) in known["of"] else 0


def _probed(value: Any) -> Iterator[int]:
    """Seconds of each startup probe anywhere in a manifest."""
    if isinstance(value, Mapping):
        if isinstance(probe := value.get("startupProbe"), Mapping):
            yield int(probe["periodSeconds"] * probe["failureThreshold"])
        for part in value.values():
            yield from _probed(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _probed(part)


def _mapping(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, Mapping) else NOTHING


def _variant(row: Mapping[str, Any], operation: str, inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The figures of the first variant whose conditions hold; those of the type when none does, or nothing is known of the inputs."""
    variants = row.get("variants", NOTHING).values() if inputs else ()
    for variant in variants:
        if operation in variant and all(inputs.get(name) in allowed for name, allowed in variant["when"].items()):
            found: Mapping[str, Any] = variant[operation]
            return found
    figures: Mapping[str, Any] | None = row.get(operation)
    return figures
