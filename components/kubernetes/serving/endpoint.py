"""One registered model behind one address, on GPUs of one pool."""

from collections.abc import Mapping

import pulumi

from components.contracts import Cluster, Context, Grant, ObjectStore, SecretKey
from components.kubernetes import manifests
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.gateway.front import Front
from components.kubernetes.manifests import Manifest
from components.kubernetes.serving import cache, multinode, objectives, pods, ports, probe, releasing, routing
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.dashboards import dashboard
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.monitor import pod_monitor
from components.kubernetes.serving.ports import metrics_port
from components.kubernetes.serving.rollout import scaling_the_rollout, telling_versions_apart
from components.kubernetes.serving.scaling import ScaleArgs, awake, scaled_object, triggers
from components.kubernetes.serving.shadow import Shadow
from components.kubernetes.workload import Enclosure, identity_of, replicated, with_provider

__all__ = ["InferenceEndpoint", "InferenceEndpointArgs", "ScaleArgs"]


class InferenceEndpoint(pulumi.ComponentResource):
    """A model served by replicas of one pod, or of a group of pods: workload, Service, autoscaler, and a namespace closed around them.

    Its pods may read their own version of the model and nothing else. `up` waits until the model answers, so the image and the model's
    files must be there before an endpoint is added to a stack file.
    """

    namespace: str
    """The endpoint's own namespace."""
    url: str
    """Address inside the cluster, for the namespaces named in `clients`."""

    def __init__(
        self,
        name: str,
        args: InferenceEndpointArgs,
        *,
        cluster: Cluster,
        models: ObjectStore,
        operators: OperatorFacts,
        context: Context,
        front: Front | None = None,
        space: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`front` is the gateway, for endpoints that have traffic; `space` a team's namespace that it shares, else it has its own.

        Raises KeyError if `args.pool` is none of the cluster's pools (the platform's rules say so first, with the names).
        """
        super().__init__("groundwork:kubernetes:InferenceEndpoint", name, {}, with_provider(cluster, opts))
        pool = cluster.pools[args.pool]
        model = Model.parse(args.model)
        identity = identity_of(name, f"endpoint-{name}", "inference-endpoint", context, within=space)
        enclosure = Enclosure(identity, self, quota=pods.quota(args, pool.resource), after=operators.ready, shared=space is not None)
        binding, account = enclosure.bind(cluster, "endpoint", [Grant(models, "read", model.prefix)])
        clients = [*args.clients, operators.monitoring.namespace, *([front.proxies] if args.traffic and front else [])]
        destinations = [*cluster.dataplane_egress, *binding.egress]
        network = enclosure.admit(args.engine.port, clients, destinations)
        secrets = self._secrets(enclosure, args)
        variables = {**models.environment, **binding.environment, **secrets}
        uri = pulumi.Output.concat(models.uri, "/", model.prefix)
        after = [account, network, *binding.depends_on, *cluster.ready]
        if args.cache:
            reach = {**models.environment, **binding.environment}
            sources = (model, uri, reach)
            filled = cache.fill(enclosure, args.cache, sources, cluster.storage_classes, destinations, [account, *binding.depends_on])
            after.append(filled)
        prometheus = operators.monitoring.address
        if args.nodes > 1:
            groups = multinode.leader_worker_set(identity, args, pool, uri, variables)
            replicas = multinode.run(enclosure, groups, replicated(pods.wait(args)), destinations, after)
        else:
            replica = pods.template(identity, args, pool, uri, variables, zonal=cluster.zonal)
            replicas = releasing.run(enclosure, args, pods.deployment(identity, args, replica), prometheus, after)
        looked_at = triggers(args.scale, args.engine, identity, pool.resource, prometheus)
        when = awake(identity.namespace, pool.resource) if args.scale.min == 0 else ""
        self._watch(enclosure, args, looked_at, replicas, when)
        ports.opened(enclosure, args.engine.other_ports, args.clients, operators.monitoring.namespace, replicas)
        services = releasing.publish(enclosure, args, replicas)
        if args.traffic and front:
            shadow = (
                Shadow(name, args, args.shadow, self, front=front, cluster=cluster, models=models, operators=operators, context=context)
                if args.shadow
                else None
            )
            routing.attach(enclosure, args, args.traffic, front, services=services, shadow=shadow)
        if args.probe:
            asked = args.probe.request or probe.question(args.engine, args.model)
            monitoring = operators.monitoring.namespace
            probe.attach(enclosure, args.probe, asked, secrets, port=args.engine.port, monitoring=monitoring, awake=when)
        self.namespace = identity.namespace
        self.url = f"http://{identity.name}.{identity.namespace}.svc"
        self.register_outputs({"namespace": self.namespace, "url": self.url})

    def _secrets(self, enclosure: Enclosure, args: InferenceEndpointArgs) -> Mapping[str, SecretKey]:
        """The Secret of the given secret variables, as references for the container; nothing when there are none."""
        import pulumi_kubernetes as k8s

        if not args.secrets:
            return {}
        identity = enclosure.identity
        values = {key: pulumi.Output.secret(secret.reveal()) for key, secret in args.secrets.items()}
        metadata = identity.metadata(f"{identity.name}-secrets")
        made = k8s.core.v1.Secret(f"{identity.name}-secrets", opts=enclosure.inside(), **manifests.secret(metadata, values))
        return {key: SecretKey(made.metadata["name"], key) for key in args.secrets}

    def _watch(
        self, enclosure: Enclosure, args: InferenceEndpointArgs, looked_at: list[Manifest], replicas: pulumi.Resource, when: str
    ) -> None:
        """What scrapes the pods, what watches their promises, and what scales them on it. `when` holds while there is a replica."""
        import pulumi_kubernetes as k8s

        identity = enclosure.identity
        monitor = pod_monitor(identity, metrics_port(args.engine.other_ports))
        scaler = scaled_object(identity, args.scale, looked_at)
        if args.rollout:
            monitor, scaler = telling_versions_apart(monitor), scaling_the_rollout(scaler)
        elif args.nodes > 1:
            scaler = multinode.scaling_groups(scaler)
        k8s.apiextensions.CustomResource(f"{identity.name}-monitor", opts=enclosure.inside(), **monitor)
        if args.objectives:
            rules = objectives.prometheus_rule(identity, args.objectives, counted=args.engine.counts, awake=when)
            k8s.apiextensions.CustomResource(f"{identity.name}-objectives", opts=enclosure.inside(), **rules)
        if args.objectives and args.objectives.dashboard:
            shown = dashboard(identity, args.objectives, args.engine)
            k8s.core.v1.ConfigMap(f"{identity.name}-dashboard", opts=enclosure.inside(), **shown)
        k8s.apiextensions.CustomResource(f"{identity.name}-scaler", opts=enclosure.inside(replicas), **scaler)
