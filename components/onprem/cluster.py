"""A Kubernetes cluster that someone else runs: what a stack file may say about it, and the contract it keeps."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.kubernetes.vocabulary import LabelKey, LabelValue
from components.spec import Many, Name, Size, Spec

FilePath = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\n{]+$")]
"""A path, never the file's content."""
ContextName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TaintArgs(Spec):
    """A taint of a pool's nodes, which serving pods tolerate."""

    key: LabelKey
    """The taint's key, such as nvidia.com/gpu."""
    value: LabelValue = ""
    """The taint's value; empty tolerates any."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = "NoSchedule"
    """What the taint keeps off."""


class ExistingPoolArgs(Spec):
    """Equal GPU nodes of the cluster."""

    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]
    """Labels that all these nodes carry and no others do, such as nvidia.com/gpu.product."""
    taints: Many[TaintArgs] = ()
    """Taints of the nodes."""
    gpu_resource: Annotated[str, StringConstraints(max_length=253, pattern=r"^[a-z0-9.\-]+/[a-z0-9.\-]+$")] = "nvidia.com/gpu"
    """The extended resource that counts one GPU or GPU slice."""
    gpus_per_node: Annotated[int, Field(ge=1, le=64)]
    """GPUs on one node. What an endpoint asks for is checked against it."""
    gpu_memory: Size
    """Memory of one GPU. A model's weights are checked against it."""
    nodes: Annotated[int, Field(ge=1, le=10_000)]
    """Number of nodes. The sum of what endpoints may grow to is checked against it."""


class ExistingClusterArgs(Spec):
    """A Kubernetes cluster that someone else runs, reached by reference to a kubeconfig."""

    kubeconfig: FilePath
    """Path of the kubeconfig on the machine that runs Pulumi; never its content. Prefer one that holds an exec plugin, not a token."""
    context: ContextName
    """Context of the kubeconfig to use; named, so that the file's current context never decides."""
    zonal: bool = False
    """Whether nodes carry topology.kubernetes.io/zone with more than one value; replicas are then spread over zones."""
    pools: dict[Name, ExistingPoolArgs] = Field(default_factory=dict)
    """GPU pools by name."""
