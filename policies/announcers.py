"""Device plugins that announce the accelerators of nodes, whoever makes the nodes and whatever image they run."""

from collections.abc import Iterator, Mapping

from components.accelerators import aws_machines
from components.aws.cluster.compatibility import image_for, plugin_problems
from components.aws.cluster.versions import images
from graph.model import Resource
from policies.model import View, get
from policies.nodes import AUTO_CLASS, GROUP, RELEASE, chart_of, labels, machines, node_class

ANNOUNCERS: Mapping[str, str] = {
    "gpu-operator": "gpu-operator",
    "nvidia-device-plugin": "device-plugin",
    "neuron-helm-chart": "neuron-plugin",
}
"""What announces accelerators, by the chart that brings it."""
KEPT_OFF = "nvidia.com/gpu.deploy.operands"
"""Label by which a node keeps the parts of the GPU operator away."""


def image_of(maker: Resource, view: View) -> str:
    """The EKS image type of the nodes, or "" where it is none that the version matrix knows."""
    if maker.type == GROUP:
        kind = str(get(maker, "amiType", ""))
        return kind if kind in images() else ""
    made_from, known = node_class(maker, view), [machine for name in machines(maker) if (machine := aws_machines().get(name))]
    if made_from is None or not known:
        return ""
    family = get(made_from, "spec.amiFamily", "Bottlerocket")
    try:
        return image_for(known[0], "al2023" if family == "AL2023" else "bottlerocket")
    except ValueError:
        return ""


def announcers(maker: Resource, view: View) -> list[str]:
    """What the cluster runs that would announce accelerators of these nodes."""
    found = []
    for release in view.of(RELEASE):
        name = ANNOUNCERS.get(chart_of(release))
        silent = name == "gpu-operator" and (
            get(release, "values.devicePlugin.enabled", True) is False or labels(maker).get(KEPT_OFF) == "false"
        )
        found += [name] if name and not silent else []
    return found


def wrongly_announced(maker: Resource, view: View) -> Iterator[str]:
    """Why accelerators of the nodes would be counted twice, or not at all; nothing where their image is not known."""
    made_from = node_class(maker, view)
    auto = made_from is not None and made_from.type == AUTO_CLASS
    if image := image_of(maker, view):
        yield from plugin_problems([image], announcers(maker, view), auto_mode=auto)
