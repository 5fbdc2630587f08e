"""Replicas of several nodes each: a leader that answers and workers that hold the rest of the model (LeaderWorkerSet).

Fields: sigs.k8s.io/lws v0.8.0, config/crd/bases. Its controller sets LWS_LEADER_ADDRESS, LWS_GROUP_SIZE and LWS_WORKER_INDEX in every
container of a group.
"""

from collections.abc import Sequence

import pulumi

from components.contracts import AcceleratorPool
from components.kubernetes import manifests
from components.kubernetes.manifests import Environment, Identity, Manifest
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.pods import template
from components.kubernetes.volumes import ZONE
from components.kubernetes.workload import Enclosure

API, KIND = "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"
NAME = "app.kubernetes.io/name"
GROUP = "leaderworkerset.sigs.k8s.io/group-index"
"""Label of every pod of a group: its number. Source: the same release, api/leaderworkerset/v1."""


def working(identity: Identity) -> Identity:
    """Identity of the workers, so that what selects the endpoint selects the leaders alone."""
    return identity.beside("workers")


def together(identity: Identity) -> Manifest:
    """Affinity that keeps the pods of each group in one zone: a model's layers talk all the time.

    The annotation exclusive-topology of LeaderWorkerSet does so too, but lets each zone hold one group
    only. A first pod of a group may start anywhere, since it matches its own term. `matchLabelKeys`
    takes the group's number from each pod (Kubernetes 1.31 on; stable in 1.33).
    """
    term = {
        "topologyKey": ZONE,
        "labelSelector": {"matchLabels": {NAME: identity.labels[NAME]}},
        "matchLabelKeys": [GROUP],
    }
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def leader_worker_set(
    identity: Identity,
    args: InferenceEndpointArgs,
    pool: AcceleratorPool,
    uri: pulumi.Input[str],
    variables: Environment,
    *,
    zonal: bool,
) -> Manifest:
    """Copies of a group of pods, made anew as a whole when one of its pods is lost; the first `up` waits until all groups answer.

    A later one does not: the conditions of a LeaderWorkerSet do not say which generation they are of (v0.8.0, setCondition).
    `zonal` is that nodes are in several zones; those of a fabric are in one.
    One group is replaced after the other, and gives up its nodes first, since there may be no spare ones.
    """
    leader = template(identity, args, pool, uri, variables, zonal=False, member="leader")
    worker = template(working(identity), args, pool, uri, variables, zonal=False, member="worker", owner=identity)
    for pod in (leader, worker) if zonal and pool.fabric is None else ():
        pod["spec"]["affinity"] = together(identity)
    return {
        "api_version": API,
        "kind": KIND,
        "metadata": identity.metadata(annotations={"pulumi.com/waitFor": "condition=Available"}),
        "spec": {
            "replicas": max(args.scale.min, 1),
            "startupPolicy": "LeaderCreated",
            "rolloutStrategy": {"type": "RollingUpdate", "rollingUpdateConfiguration": {"maxSurge": 0, "maxUnavailable": 1}},
            "leaderWorkerTemplate": {
                "size": args.nodes,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": leader,
                "workerTemplate": worker,
            },
        },
    }


def among_themselves(identity: Identity) -> Manifest:
    """Lets pods of the endpoint reach each other on any port, by which a group runs one model."""
    group = {"matchLabels": {NAME: identity.labels[NAME]}}
    return {
        "metadata": identity.metadata(f"{identity.name}-group"),
        "spec": {
            "podSelector": group,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": group}]}],
            "egress": [{"to": [{"podSelector": group}]}],
        },
    }


def run(
    enclosure: Enclosure,
    manifest: Manifest,
    options: pulumi.ResourceOptions,
    destinations: Sequence[tuple[str, int]],
    after: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    """Make the groups, and what lets their pods reach each other and the workers fetch their part of the model."""
    import pulumi_kubernetes as k8s

    identity, workers = enclosure.identity, working(enclosure.identity)
    reached = manifests.network_policy(workers, 0, [], destinations)
    ways = [
        k8s.networking.v1.NetworkPolicy(f"{identity.name}-group", opts=enclosure.inside(), **among_themselves(identity)),
        k8s.networking.v1.NetworkPolicy(f"{workers.name}-network", opts=enclosure.inside(), **reached),
    ]
    budget = manifests.disruption_budget(workers)
    k8s.policy.v1.PodDisruptionBudget(f"{workers.name}-budget", opts=enclosure.inside(), **budget)
    return enclosure.custom("groups", manifest, *ways, *after, more=options)
