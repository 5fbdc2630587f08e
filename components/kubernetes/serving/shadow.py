"""Another version of a model that sees a share of the requests and answers nobody: what a stack file may say, and what is made.

Neither the endpoint's promises nor its autoscaler count it, and it can write nowhere. It has a namespace of its own where the endpoint has.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from components.contracts import Cluster, Context, Grant, ObjectStore
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.gateway.front import Front
from components.kubernetes.gateway.objects import GATEWAY_API
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving import pods
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.monitor import pod_monitor
from components.kubernetes.serving.shadow_args import ShadowArgs
from components.kubernetes.workload import Enclosure, identity_of, with_provider

APP = "shadow-endpoint"
"""The application that its pods are labelled as: never that of an endpoint."""


def shadow_of(endpoint: str) -> str:
    """Name of the shadow of an endpoint."""
    return f"{endpoint}-shadow"


def shadowed(args: InferenceEndpointArgs, shadow: ShadowArgs) -> InferenceEndpointArgs:
    """The endpoint as its shadow runs it: the other version, a fixed number of replicas, and no secret of the endpoint's."""
    scale = args.scale.model_copy(update={"min": shadow.replicas, "max": shadow.replicas, "warm": 0})
    changed = {"model": shadow.model, "weights": shadow.weights or args.weights, "scale": scale, "secrets": {}, "clients": ()}
    without = dict.fromkeys(("rollout", "traffic", "shadow", "objectives", "cache", "probe"))
    return args.model_copy(update={**changed, **without})


def mirror(identity: Identity, shadow: ShadowArgs) -> Manifest:
    """The filter of a route that sends a copy of some requests to the shadow, and drops its answers."""
    backend = {"group": "", "kind": "Service", "name": identity.name, "namespace": identity.namespace, "port": 80}
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": shadow.percent.value // 100}}


def grant(identity: Identity, routes: str) -> Manifest:
    """Lets routes of the namespace `routes` name the shadow's Service."""
    spec = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": routes}],
        "to": [{"group": "", "kind": "Service", "name": identity.name}],
    }
    return {"api_version": GATEWAY_API, "kind": "ReferenceGrant", "metadata": identity.metadata(), "spec": spec}


class Shadow(pulumi.ComponentResource):
    """The shadow of one endpoint: Deployment and Service, reached by the gateway's proxies alone."""

    identity: Identity
    ready: tuple[pulumi.Resource, ...]
    """What must exist before requests are mirrored to it."""

    def __init__(
        self,
        endpoint: Identity,
        args: InferenceEndpointArgs,
        shadow: ShadowArgs,
        parent: pulumi.Resource,
        *,
        front: Front,
        cluster: Cluster,
        models: ObjectStore,
        operators: OperatorFacts,
        context: Context,
        space: str | None = None,
    ) -> None:
        """`endpoint` is the endpoint that it belongs to, whose component is `parent`; `space` a team's namespace that both share."""
        name = shadow_of(endpoint.name)
        opts = with_provider(cluster, pulumi.ResourceOptions(parent=parent))
        super().__init__("groundwork:kubernetes:ShadowEndpoint", name, {}, opts)
        args, pool = shadowed(args, shadow), cluster.pools[args.pool]
        model = Model.parse(args.model)
        self.identity = identity_of(name, f"shadow-{endpoint.name}", APP, context, within=space)
        quota = pods.quota(args, pool.resource)
        enclosure = Enclosure(self.identity, self, quota=quota, operators=operators, shared=space is not None)
        binding, account = enclosure.bind(cluster, "shadow", [Grant(models, "read", model.prefix)])
        callers = [front.proxies, operators.monitoring.namespace]
        network = enclosure.admit(args.engine.port, callers, [*cluster.storage_egress, *binding.egress])
        variables: Mapping[str, Any] = {**models.environment, **binding.environment}
        uri = pulumi.Output.concat(models.uri, "/", model.prefix)
        replica = pods.template(self.identity, args, pool, uri, variables, zonal=cluster.zonal)
        after = [account, network, *binding.depends_on, *cluster.ready]
        enclosure.run(pods.deployment(self.identity, args, replica), pods.patience(args), *after)
        self.ready = tuple(self._around(enclosure, endpoint.namespace))
        self.register_outputs({"namespace": self.identity.namespace})

    def _around(self, enclosure: Enclosure, routes: str) -> Iterator[pulumi.Resource]:
        """What scrapes the pods, and what lets the route name them, whether they are up or not: the endpoint never waits for its shadow."""
        enclosure.custom("monitor", pod_monitor(self.identity))
        enclosure.budget()
        yield enclosure.announce(self.identity.name, "service")
        if routes != self.identity.namespace:
            yield enclosure.custom("grant", grant(self.identity, routes))
