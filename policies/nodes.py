"""Makers of a cluster's nodes, looked at in one way: managed node groups, and node pools of Karpenter and of EKS Auto Mode."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.accelerators import aws_machines
from graph.model import Resource
from policies.model import View, get

POOL_LABEL, POOL_TAG = "groundwork.dev/pool", "groundwork:pool"
GROUP, POOL = "aws:eks/nodeGroup:NodeGroup", "kubernetes:karpenter.sh/v1:NodePool"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
KARPENTER_CLASS, AUTO_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", "kubernetes:eks.amazonaws.com/v1:NodeClass"
RELEASE = "kubernetes:helm.sh/v3:Release"
MAKERS = (GROUP, POOL)
"""Types of what makes nodes."""
LEADER_WORKERS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
SERVES = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:argoproj.io/v1alpha1:Rollout",
    LEADER_WORKERS,
)
"""Types of workloads that always run."""
STARTERS = (TEMPLATE, KARPENTER_CLASS)
"""Types that say how machines start; EKS decides it for those of Auto Mode."""


def labels(maker: Resource) -> Mapping[str, Any]:
    """Labels of its nodes."""
    found: Mapping[str, Any] = get(maker, "labels" if maker.type == GROUP else "spec.template.metadata.labels", {})
    return found


def pool_of(maker: Resource) -> str:
    """The pool of the platform that its nodes are of, or "" where they say none."""
    return str(labels(maker).get(POOL_LABEL, ""))


def taints(maker: Resource) -> list[Mapping[str, Any]]:
    """Taints of its nodes, with effects as Kubernetes spells them."""
    rows = get(maker, "taints" if maker.type == GROUP else "spec.template.spec.taints", []) or []
    effects = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
    return [{**row, "effect": effects.get(row.get("effect", ""), row.get("effect"))} for row in rows]


def required(pool: Resource, key: str) -> list[Any]:
    """Values that a node pool requires of a label; empty where it requires none."""
    rows = get(pool, "spec.template.spec.requirements", [])
    return [value for row in rows if row.get("key") == key and row.get("operator") == "In" for value in row.get("values", ())]


def machines(maker: Resource) -> list[Any]:
    """Machine types that its nodes may be of; none for a group of a capacity block, whose launch template names its one."""
    return list(get(maker, "instanceTypes", [])) if maker.type == GROUP else required(maker, "node.kubernetes.io/instance-type")


def accelerated(maker: Resource) -> bool:
    """Whether its nodes have accelerators: by their machines, else by an image or a label that is for nothing else."""
    known = [machine for name in machines(maker) if (machine := aws_machines().get(name))]
    said = maker.type == GROUP and any(word in get(maker, "amiType", "") for word in ("NVIDIA", "NEURON"))
    return said or any(machine.accelerator for machine in known) or "k8s.amazonaws.com/accelerator" in labels(maker)


def spot_only(maker: Resource) -> bool:
    """Whether its nodes are bought as spot and in no other way."""
    if maker.type == GROUP:
        return bool(get(maker, "capacityType") == "SPOT")
    return set(required(maker, "karpenter.sh/capacity-type")) == {"spot"}


def always_there(maker: Resource) -> int:
    """Nodes that it keeps whatever pods ask."""
    return int(get(maker, "scalingConfig.minSize" if maker.type == GROUP else "spec.replicas", 0))


def placed_on(workload: Resource) -> str:
    """The pool that its pods select, or "" for none."""
    template = "spec.leaderWorkerTemplate.workerTemplate" if workload.type == LEADER_WORKERS else "spec.template"
    return str(get(workload, f"{template}.spec.nodeSelector", {}).get(POOL_LABEL, ""))


def node_class(pool: Resource, view: View) -> Resource | None:
    """What the nodes of a node pool are made from, or None where the stack has no such thing."""
    reference = get(pool, "spec.template.spec.nodeClassRef", {})
    wanted = (reference.get("kind"), reference.get("name"))
    return next((c for c in view.of(KARPENTER_CLASS, AUTO_CLASS) if (c.inputs.get("kind"), get(c, "metadata.name")) == wanted), None)


def instance_tags(maker: Resource, view: View) -> Iterator[Mapping[str, Any]]:
    """Tags of its machines, from everything that they are made from: tags of a node group do not reach them."""
    if maker.type == POOL:
        made_from = node_class(maker, view)
        yield get(made_from, "spec.tags", {}) if made_from else {}
        return
    for template in view.linked(maker, "launchTemplate", TEMPLATE):
        rows = [row for row in get(template, "tagSpecifications", ()) if row.get("resourceType") == "instance"]
        yield {key: value for row in rows for key, value in row.get("tags", {}).items()}


def chart_of(release: Resource) -> str:
    """Name of the chart that a release installs, wherever it comes from."""
    return str(get(release, "chart", "")).rpartition("/")[2]


def repaired(maker: Resource, view: View) -> bool:
    """Whether its broken nodes are replaced: by EKS where a group asks for it, by Karpenter behind a gate, by Auto Mode always."""
    if maker.type == GROUP:
        return get(maker, "nodeRepairConfig.enabled") is True
    made_from = node_class(maker, view)
    if made_from is not None and made_from.type == AUTO_CLASS:
        return True
    charts = [release for release in view.of(RELEASE) if chart_of(release) == "karpenter"]
    return any(get(release, "values.settings.featureGates.nodeRepair") is True for release in charts)


def start(source: Resource) -> Mapping[str, Any]:
    """How the machines of a launch template or of a Karpenter node class start, unknown leaves and all."""
    return dict(source.inputs if source.type == TEMPLATE else source.inputs.get("spec", {}))
