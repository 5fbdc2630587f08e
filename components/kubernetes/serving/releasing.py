"""The replicas of an endpoint and the Services in front of them, with a rollout or without one."""

from collections.abc import Iterator, Mapping, Sequence

import pulumi

from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving import analysis, pods, probe
from components.kubernetes.serving import rollout as rollouts
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.workload import Enclosure, replicated


def run(
    enclosure: Enclosure, args: InferenceEndpointArgs, deployment: Manifest, prometheus: str, after: Sequence[pulumi.Resource]
) -> pulumi.Resource:
    """The Deployment, or the Rollout in its place with what measures new versions; `up` waits for the first replicas."""
    import pulumi_kubernetes as k8s

    if args.rollout is None:
        return enclosure.run(deployment, pods.patience(args), *after)
    identity = enclosure.identity
    gates = [
        k8s.apiextensions.CustomResource(f"{found['metadata']['name']}-gates", opts=enclosure.served(rollouts.API), **found)
        for found in templates(identity, args, prometheus)
    ]
    how = rollouts.strategy(args.rollout, identity.name, namespace=identity.namespace, weighed=args.traffic is not None)
    return enclosure.custom("rollout", rollouts.rollout(deployment, how), *after, *gates, more=replicated(pods.patience(args)))


def templates(identity: Identity, args: InferenceEndpointArgs, prometheus: str) -> Iterator[Manifest]:
    """What measures a new version of the endpoint."""
    if args.rollout is None or args.objectives is None:
        return
    gates, green = args.rollout.gates, args.rollout.blue_green
    asked = probe.answering(identity, args.probe) if args.probe else ""
    if green:
        yield analysis.answering(gates, identity, prometheus, role="preview", watched=green.hold.seconds)
        kept = green.keep.seconds
        yield analysis.gated(args.objectives, args.engine.counts, gates, identity, prometheus, role="promoted", watched=kept, asked=asked)
    else:
        yield analysis.gated(args.objectives, args.engine.counts, gates, identity, prometheus, role="canary", asked=asked)


def announced(enclosure: Enclosure, args: InferenceEndpointArgs) -> Sequence[pulumi.Resource]:
    """The Services that the controller points at one version each; none where all versions are behind one.

    They are there before the replicas: it takes a Rollout for invalid, and starts no pod of it, while a Service that it names is missing.
    """
    name, second = enclosure.identity.name, _second(args)
    roles = {name: "service", f"{name}-{second}": second} if second else {}
    return [enclosure.announce(called, role, steered=True) for called, role in roles.items()]


def weighed(args: InferenceEndpointArgs) -> bool:
    """Whether the controller sets weights of the route, which must be there before the replicas: without it no Rollout comes to a state."""
    return _second(args) == "canary"


def publish(enclosure: Enclosure, replicas: pulumi.Resource, services: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
    """What makes the replicas an address that requests may be sent to: the announced Services and what stands behind them, or a Service."""
    if not services:
        return [enclosure.publish(replicas)]
    enclosure.budget()
    return [*services, replicas]


def weights(identity: Identity, args: InferenceEndpointArgs) -> Mapping[str, int]:
    """Services that the route names, each with its share of 100; those of a canary change while one takes over."""
    shared = {f"{identity.name}-canary": 0} if weighed(args) else {}
    return {identity.name: 100, **shared}


def _second(args: InferenceEndpointArgs) -> str:
    return rollouts.second_service(args.rollout, weighed=args.traffic is not None) if args.rollout else ""
