"""Pinned Helm charts, and where a cluster that reaches no other registry finds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import pulumi
from pydantic import StringConstraints

from components.lazy import lazy
from components.spec import Spec

if TYPE_CHECKING:
    import pulumi_kubernetes as k8s
else:
    k8s = lazy("pulumi_kubernetes")

CRITICAL = "system-cluster-critical"
"""Priority class of pods in kube-system that a cluster cannot do without; every cluster has it.

Source: Kubernetes, "Guaranteed Scheduling For Critical Add-On Pods".
"""
HOST, PATH = r"[a-z0-9][a-z0-9.-]*\.[a-z]{2,}(:[0-9]+)?", r"(/[a-z0-9]+([._-][a-z0-9]+)*)*"
RegistryPath = Annotated[str, StringConstraints(max_length=200, pattern=f"^{HOST}{PATH}$")]
"""Host of an image registry with an optional path, such as "111122223333.dkr.ecr.us-west-2.amazonaws.com/mirror"."""


class MirrorArgs(Spec):
    """A registry of one's own that holds copies of what operators are made of, for clusters that reach no other."""

    registry: RegistryPath
    """Host and optional path. Chart X is read from oci://<registry>/charts/X, and image H/Y of another host from <registry>/H/Y."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A pinned Helm chart: one row of an add-on table."""

    name: str
    """Name of the chart and the release."""
    repository: str
    """URL of its Helm repository, or oci:// and a registry path."""
    version: str
    source: str
    """Where the version was read."""
    namespace: str
    security: str = "baseline"
    """Pod security standard that its namespace needs: baseline | privileged."""
    values: Mapping[str, Any] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    """Where its values say whence images come: path of the value, keys joined by dots, and what stands there upstream."""
    crds: str = ""
    """Set of definitions that holds the kinds which it serves, or "" where it serves none."""
    rendered: str = ""
    """The Go module that holds this very chart, as <module>@<version>:<folder>, or "" where none does."""
    footprint: Sequence[Mapping[str, Any]] = ()
    """Pods that it makes, as components.kubernetes.addons.footprint reads them."""


def mirrored(mirror: MirrorArgs | None, image: str) -> str:
    """Where an image, or all those of a host, is pulled from: the mirror's copy, or itself without a mirror."""
    return f"{mirror.registry}/{image}" if mirror else image


def values_of(chart: Chart, extra: Mapping[str, Any], mirror: MirrorArgs | None, priority: str = "") -> dict[str, Any]:
    """What the chart is told: its own values, those of its installer over them, images, priority.

    `priority` is the priority class of its pods, wherever the rows of its footprint name a value for
    it; "" leaves the chart's own.
    """
    values = _over(chart.values, extra)
    for path, image in chart.images.items() if mirror else ():
        values = _over(values, _nested(path, mirrored(mirror, image)))
    for row in chart.footprint if priority else ():
        values = _over(values, _nested(row["priority"], priority) if "priority" in row else {})
    return values


def _nested(path: str, value: str) -> Mapping[str, Any]:
    """A value below the keys of a path, joined by dots."""
    placed: Any = value
    for key in reversed(path.split(".")):
        placed = {key: placed}
    return {**placed}


def _over(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as Helm merges them: mappings key by key, anything else as a whole."""
    both = {key for key in lower.keys() & upper.keys() if isinstance(lower[key], Mapping) and isinstance(upper[key], Mapping)}
    return {**lower, **upper, **{key: _over(lower[key], upper[key]) for key in both}}


def release(
    name: str,
    chart: Chart,
    *,
    opts: pulumi.ResourceOptions,
    extra: Mapping[str, Any] | None = None,
    namespace: pulumi.Input[str] = "",
    mirror: MirrorArgs | None = None,
    priority: str = CRITICAL,
) -> "k8s.helm.v3.Release":
    """The release of a chart at its pinned version.

    `namespace` is where that of the row is made by the same stack; `priority` the priority class of
    its pods, by default the one that Kubernetes has for what a cluster cannot do without.
    """
    source, repository = chart.name, chart.repository
    if mirror or repository.startswith("oci://"):
        source = f"{f'oci://{mirror.registry}/charts' if mirror else repository}/{chart.name}"
    args = k8s.helm.v3.ReleaseArgs(
        name=chart.name,
        chart=source,
        version=chart.version,
        namespace=namespace or chart.namespace,
        repository_opts=None if source.startswith("oci://") else k8s.helm.v3.RepositoryOptsArgs(repo=repository),
        values=values_of(chart, extra or {}, mirror, priority),
        atomic=True,
        max_history=5,
        timeout=600,
    )
    return k8s.helm.v3.Release(name, args, opts=opts)
