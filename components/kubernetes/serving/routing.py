"""An endpoint's place behind the gateway: its route, who may use it, and how much."""

from collections.abc import Sequence

import pulumi

from components.kubernetes.external_secret import API, external_secret
from components.kubernetes.gateway.front import Front
from components.kubernetes.serving import releasing, traffic
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.shadow import Shadow
from components.kubernetes.serving.shadow import mirror as shadow_mirror
from components.kubernetes.serving.traffic import KeyAuthentication, TrafficArgs
from components.kubernetes.workload import Enclosure

WEIGHTS = "spec.rules[*].backendRefs[*].weight"
"""What the controller of rollouts sets on a route."""


def attach(
    enclosure: Enclosure,
    endpoint: InferenceEndpointArgs,
    args: TrafficArgs,
    front: Front,
    *,
    services: Sequence[pulumi.Resource],
    shadow: Shadow | None,
) -> pulumi.Resource:
    """Make the route to the endpoint's Services, behind authentication from its first moment."""
    identity, weights = enclosure.identity, releasing.weights(enclosure.identity, endpoint)
    guards = _guards(enclosure, args, front)
    copied = shadow_mirror(shadow.identity, endpoint.shadow) if shadow and endpoint.shadow else None
    manifest = traffic.route(identity, args, front, endpoint.longest_request, weights, copied)
    after, more = (*front.ready, *guards, *services, *(shadow.ready if shadow else ())), None
    if len(weights) > 1:
        # To the API server the list of rules is one field, which the controller of rollouts owns once it has set weights in it.
        manifest["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
        more = pulumi.ResourceOptions(ignore_changes=[WEIGHTS])
    return enclosure.custom("route", manifest, *after, more=more)


def _guards(enclosure: Enclosure, args: TrafficArgs, front: Front) -> Sequence[pulumi.Resource]:
    """Who may use the route, and how much."""
    identity = enclosure.identity
    assert args.authentication, "refused without, by rule"
    keys = _keys(enclosure, args.authentication) if isinstance(args.authentication, KeyAuthentication) else ()
    manifests = {
        "authentication": traffic.security_policy(identity, args.authentication),
        "limits": traffic.backend_policy(identity, args.limit),
    }
    return [enclosure.custom(role, manifest, *front.ready, *keys) for role, manifest in manifests.items()]


def _keys(enclosure: Enclosure, proof: KeyAuthentication) -> tuple[pulumi.Resource, ...]:
    """The Secret of clients' keys."""
    identity = enclosure.identity
    made = external_secret(
        f"{identity.name}-clients",
        identity.metadata(traffic.keys_name(identity)),
        store={"kind": "ClusterSecretStore", "name": proof.store},
        key=proof.key,
        fields={client: client for client in proof.clients},
        opts=enclosure.served(API),
    )
    return (made,)
