"""The replicas of an endpoint, as manifests: one pod template, and the workload that keeps copies of it. Pure functions."""

from collections.abc import Mapping

import pulumi

from components.contracts import AcceleratorPool
from components.kubernetes import manifests
from components.kubernetes.manifests import Environment, Identity, Manifest
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.container import Member, container, volumes
from components.kubernetes.workload import DEFAULT_WAIT, Patience

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
        "terminationGracePeriodSeconds": drain(args),
        "securityContext": manifests.pod_security(),
        **manifests.placement(pool),
        **spread,
        "containers": [container(args, pool, uri, variables, member)],
        "volumes": volumes(owner or identity, args),
    }
    return {"metadata": {"labels": dict(identity.labels)}, "spec": manifests.on_disk(pod)}


def drain(args: InferenceEndpointArgs) -> int:
    """Seconds that a replica has to end: its last request, and what the server needs to exit."""
    return args.longest_request.seconds + SHUTDOWN_MARGIN


def patience(args: InferenceEndpointArgs) -> Patience:
    """Seconds that the provider waits for replicas.

    The first is there when a node and the model are. An update waits until every replica is of the new version, one after the other,
    each on the GPUs of an old one that has ended. A delete waits until all have ended, which they do at once.
    """
    start, end = args.load_time.seconds + NODE_MARGIN, drain(args)
    update = NODE_MARGIN + max(args.scale.max, 1) * (args.load_time.seconds + end)
    return Patience(create=start + end, update=max(start + end, update), delete=DEFAULT_WAIT + end)


def deployment(identity: Identity, args: InferenceEndpointArgs, replica: Manifest) -> Manifest:
    """Copies of a replica's template, one at first where there may be none, so that `up` ends when the model has answered.

    A rollout frees GPUs before it asks for new ones, since there may be no spare node: a new replica may have to wait until an old one has
    ended, and is not given up before.
    """
    return {
        "metadata": identity.metadata(),
        "spec": {
            "replicas": max(args.scale.min, 1),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": args.load_time.seconds + NODE_MARGIN + drain(args),
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
