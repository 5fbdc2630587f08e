"""The replicas of an endpoint, as manifests: one pod template, and the workload that keeps copies of it. Pure functions."""

from collections.abc import Mapping

import pulumi

from components.contracts import AcceleratorPool
from components.kubernetes import manifests
from components.kubernetes.manifests import Environment, Identity, Manifest
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.container import Member, container, volumes

SHUTDOWN_MARGIN = 30
"""Seconds that a server has to exit after its last request."""
NODE_MARGIN = 900
"""Seconds allowed for a node to join and an image to be pulled, before a rollout counts as failed."""


def template(
    identity: Identity,
    args: InferenceEndpointArgs,
    pool: AcceleratorPool,
    uri: pulumi.Input[str],
    variables: Environment,
    *,
    zonal: bool,
    member: Member = "alone",
    owner: Identity | None = None,
) -> Manifest:
    """One pod of a replica: the server on a node of its pool, closed in as the `restricted` standard asks.

    `owner` is the endpoint, where the pod has an identity of its own.
    Pods of a group are not spread: each takes what its node has, and they want to be near each other.
    """
    spread = {"topologySpreadConstraints": manifests.spread(identity.selector, zonal=zonal)} if member == "alone" else {}
    pod = {
        "serviceAccountName": (owner or identity).name,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": args.longest_request.seconds + SHUTDOWN_MARGIN,
        "securityContext": manifests.pod_security(),
        **manifests.placement(pool),
        **spread,
        "containers": [container(args, pool, uri, variables, member)],
        "volumes": volumes(owner or identity, args),
    }
    return {"metadata": {"labels": dict(identity.labels)}, "spec": manifests.on_disk(pod)}


def wait(args: InferenceEndpointArgs) -> str:
    """How long `up` waits for a replica: as long as a node and the model may take."""
    return f"{args.load_time.seconds + NODE_MARGIN}s"


def deployment(identity: Identity, args: InferenceEndpointArgs, replica: Manifest) -> Manifest:
    """Copies of a replica's template, one at first where there may be none, so that `up` ends when the model has answered.

    A rollout frees GPUs before it asks for new ones, since there may be no spare node.
    """
    return {
        "metadata": identity.metadata(),
        "spec": {
            "replicas": max(args.scale.min, 1),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": args.load_time.seconds + NODE_MARGIN,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "selector": {"matchLabels": identity.selector},
            "template": replica,
        },
    }


def quota(args: InferenceEndpointArgs, gpu_resource: str) -> Mapping[str, str]:
    """What the namespace may hold: replicas, of two versions while one takes over, one that still stops, room held ready, and helpers."""
    pods = args.nodes * (args.replicas_at_most + 1 + args.scale.warm)
    helpers = (args.probe is not None) + (args.cache is not None)
    return {"pods": str(pods + helpers), f"requests.{gpu_resource}": str(args.gpus * pods)}
