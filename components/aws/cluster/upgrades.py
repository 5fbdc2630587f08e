"""Upgrades of Kubernetes: one minor at a time, control plane first, and never back."""

from collections.abc import Iterator
from dataclasses import dataclass

from components.aws.cluster.versions import matrix, minors, number

MOST_BEHIND = 3
"""Minors that a kubelet may be behind its control plane. Source: Kubernetes, Version Skew Policy."""


@dataclass(frozen=True, slots=True)
class Step:
    """One minor of an upgrade, with what is done in it, in order."""

    minor: str
    actions: tuple[str, ...]


def upgrade_path(running: str, wanted: str) -> tuple[Step, ...]:
    """The steps from the minor that runs to the one that is wanted; empty when they are the same.

    Raises ValueError for a way back, and for a minor that is not in the matrix.
    """
    if unknown := [minor for minor in (running, wanted) if minor not in minors()]:
        raise ValueError(f"Kubernetes {unknown[0]} is not in the version matrix, which has {', '.join(minors())}")
    if number(wanted) < number(running):
        raise ValueError(f"Kubernetes cannot go back from {running} to {wanted}: set version {running}, or build another cluster")
    return tuple(_step(minor) for minor in minors() if number(running) < number(minor) <= number(wanted))


def _step(minor: str) -> Step:
    actions = (
        f"read `aws eks list-insights --filter kubernetesVersions={minor}` and clear what it finds",
        f"control plane to {minor}",
        f"add-ons to the versions that cluster.addons holds for {minor}",
        f"node images to {minor}, pool by pool",
    )
    return Step(minor, actions)


def upgrade_problems(running: str, wanted: str) -> Iterator[str]:
    """Why a stack cannot go from the minor that runs to the one that is wanted in one update, with the steps it can go in."""
    try:
        path = upgrade_path(running, wanted)
    except ValueError as error:
        yield str(error)
        return
    if len(path) > 1:
        steps = ", then ".join(step.minor for step in path)
        yield f"skips {len(path) - 1} of the minors between {running} and {wanted}, and EKS updates one at a time: bring up {steps}"


def skew_problems(control_plane: str, nodes: str) -> Iterator[str]:
    """Why nodes of a minor cannot join a control plane of another."""
    behind = number(control_plane) - number(nodes)
    if behind < 0:
        yield f"nodes of {nodes} are newer than the control plane, {control_plane}: update it first"
    elif behind > MOST_BEHIND:
        yield f"nodes of {nodes} are {behind} minors behind {control_plane}, more than {MOST_BEHIND}: update them first"


def support(minor: str) -> str:
    """How long EKS supports a minor, in words; "" where that is not known here."""
    row = next((row for row in matrix().kubernetes if row.minor == minor), None)
    if row is None or row.standard_until is None:
        return ""
    extended = f", extended support, which costs more by the hour, until {row.extended_until}" if row.extended_until else ""
    return f"Kubernetes {minor} has standard support until {row.standard_until}{extended}"
