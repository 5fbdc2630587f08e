"""Room that is held ready for replicas: pods of low priority that take what a replica takes, on a node that has fetched the engine's image.

A replica that finds no other place pushes one of them off its node and starts there at once; the one that was pushed off waits, and has the
autoscaler fetch the next node. Priority -10 is the least for which the cluster autoscaler still does so by default. Source:
kubernetes/autoscaler, cluster-autoscaler/FAQ.md, overprovisioning and --expendable-pods-priority-cutoff.
Karpenter adds nodes for pods of low priority as for others (kubernetes-sigs/karpenter, issue 1396), and
so does Auto Mode, which keeps them while the pods are there (aws-samples/karpenter-blueprints,
overprovision).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.contracts import AcceleratorPool, Cluster, Context
from components.kubernetes import manifests
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.container import resources
from components.kubernetes.workload import Enclosure, with_provider
from components.naming import Naming

WARM, APP = "warm", "held-room"
PRIORITY = -10
COMMAND = ("sleep", "infinity")
"""What keeps a pod there: of coreutils, which images of vLLM and Triton have, as both stand on Ubuntu.

Sources: vllm-project/vllm, docker/Dockerfile (FINAL_BASE_IMAGE); NVIDIA, Triton Inference Server release notes, contents of the
container.
"""


@dataclass(frozen=True, slots=True)
class Warmth:
    """The priority class of pods that hold room, whichever stack made it."""

    priority: str
    """Its name."""
    ready: Sequence[pulumi.Resource] = ()
    """What must exist before a pod of it."""


def warmth_of(naming: Naming) -> Warmth:
    """The class that a platform's own stack has made; `naming` is the platform's."""
    return Warmth(naming.name(WARM))


def called(endpoint: str) -> str:
    """Name of what holds room for an endpoint."""
    return f"{endpoint}-{WARM}"


def priority_class(name: str, identity: dict[str, str]) -> Manifest:
    """A priority below that of every pod that says nothing, and which pushes nobody off; `identity` are its labels."""
    return {
        "metadata": {"name": name, "labels": identity},
        "value": PRIORITY,
        "global_default": False,
        "preemption_policy": "Never",
        "description": "Pods that hold room for others and give it up at once.",
    }


class WarmPriority(pulumi.ComponentResource):
    """The priority class of all pods of a platform that hold room, those of its teams too."""

    warmth: Warmth

    def __init__(self, name: str, *, cluster: Cluster, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        import pulumi_kubernetes as k8s

        super().__init__("groundwork:kubernetes:WarmPriority", name, {}, with_provider(cluster, opts))
        priority = warmth_of(context.naming).priority
        manifest = priority_class(priority, dict(context.labels.kubernetes(name, APP)))
        made = k8s.scheduling.v1.PriorityClass(f"{name}-class", opts=pulumi.ResourceOptions(parent=self), **manifest)
        self.warmth = Warmth(priority, [made])
        self.register_outputs({"priority": priority})


def closed(identity: Identity) -> Manifest:
    """Lets the pods reach nobody and be reached by nobody."""
    spec = {"podSelector": {"matchLabels": identity.selector}, "policyTypes": ["Ingress", "Egress"]}
    return {"metadata": identity.metadata(), "spec": spec}


def deployment(identity: Identity, args: InferenceEndpointArgs, pool: AcceleratorPool, priority: str) -> Manifest:
    """A pod for each node of each replica that room is held for: the engine's image, asleep, with all that a replica's pod takes.

    It ends without delay, since it has nothing to finish. `up` waits for none of them: they come when nodes do.
    """
    container = {
        "name": WARM,
        "image": args.engine.image,
        "command": list(COMMAND),
        "resources": resources(args, pool),
        "securityContext": manifests.container_security(),
    }
    pod = {
        "priorityClassName": priority,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": manifests.pod_security(),
        **manifests.placement(pool),
        "containers": [container],
        "volumes": [],
    }
    return {
        "metadata": identity.metadata(annotations={"pulumi.com/skipAwait": "true"}),
        "spec": {
            "replicas": args.scale.warm * args.nodes,
            "revisionHistoryLimit": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": identity.selector},
            "template": {"metadata": {"labels": dict(identity.labels)}, "spec": manifests.on_disk(pod)},
        },
    }


def hold(enclosure: Enclosure, args: InferenceEndpointArgs, pool: AcceleratorPool, warmth: Warmth, replicas: pulumi.Resource) -> None:
    """Hold room for an endpoint, once its own replicas are there: they come first."""
    import pulumi_kubernetes as k8s

    own = enclosure.identity.beside(WARM, APP)
    shut = k8s.networking.v1.NetworkPolicy(f"{own.name}-network", opts=enclosure.inside(), **closed(own))
    opts = enclosure.inside(replicas, shut, *warmth.ready)
    k8s.apps.v1.Deployment(f"{own.name}-pods", opts=opts, **deployment(own, args, pool, warmth.priority))
