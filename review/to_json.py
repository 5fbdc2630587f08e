"""A review as JSON: a contract with the scripts that read it."""

from dataclasses import asdict
from typing import Any, Final

from review.build import Review
from review.timeline import Timeline

VERSION: Final = 1
"""Raised when a key goes or changes its meaning; new keys may come without."""


def to_json(review: Review) -> dict[str, Any]:
    """The report as JSON values, keys as the fields of review.build name them and document them:

    `version`; `stack` {name, tier, owner, layers, site {…}, compliance}; `failed`; `resources`; `verdicts` {status: count};
    `components` [{name, type, resources, protected, kinds {type: count}}]; `findings`, `waived` and `undetermined`
    [{rule, title, concern, status, level, deployed, severity, remedy, places [{urn, name, component, message}]}], the riskiest first;
    `unchecked` [{urn, name, type, reason}]; `compliance` [{name, title, source, checked, controls [{id, title, evidence, passed, rules,
    failing, needs}]}]; `notes` [{subject, text}]; `timeline` {parallel, makespan, ratio, path, bound, imposed, resources, assumed},
    times in seconds.
    """
    found: dict[str, Any] = {"version": VERSION, **asdict(review)}
    header = found.pop("header")
    stack = {"name": header.pop("stack"), **header, "site": dict(header["site"])}
    for component in found["components"]:
        component["kinds"] = dict(component["kinds"])
    return {"version": VERSION, "stack": stack, **found, "timeline": timeline_json(review.timeline)}


def timeline_json(timeline: Timeline) -> dict[str, Any]:
    """A timeline as JSON values, keys as the fields of review.timeline name and document them, and its ratio to the bound."""
    return {**asdict(timeline), "ratio": round(timeline.ratio, 4)}
