"""One registered model behind one address, on GPUs of one pool."""

from collections.abc import Mapping, Sequence

import pulumi

from components.contracts import Cluster, Context, Grant, ObjectStore, SecretKey
from components.kubernetes import manifests
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.gateway.front import Front
from components.kubernetes.serving import cache, multinode, objectives, pods, ports, probe, releasing, rollout, routing, warm
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.dashboards import dashboard
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.monitor import pod_monitor
from components.kubernetes.serving.ports import metrics_port
from components.kubernetes.serving.scaling import DEPLOYMENT, ScaleArgs, awake, scaled_object, triggers
from components.kubernetes.serving.shadow import Shadow
from components.kubernetes.workload import Enclosure, identity_of, replicated, with_provider

__all__ = ["InferenceEndpoint", "InferenceEndpointArgs", "ScaleArgs"]


class InferenceEndpoint(pulumi.ComponentResource):
    """A model served by replicas of one pod, or of a group of pods: workload, Service, autoscaler, and a namespace closed around them.

    Its pods may read their own version of the model and nothing else. `up` waits until the model answers, so the image and the model's
    files must be there before an endpoint is added to a stack file. A changed secret variable reaches the pods when they are
    restarted. Source: kubernetes.io, "Distribute Credentials Securely Using Secrets".
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
        warmth: warm.Warmth | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`front` is the gateway, for endpoints that have traffic; `space` a team's namespace that it shares, else it has its own;
        `warmth` the priority of pods that hold room, for endpoints that keep some ready.

        Raises KeyError if `args.pool` is none of the cluster's pools (the platform's rules say so first, with the names).
        """
        super().__init__("groundwork:kubernetes:InferenceEndpoint", name, {}, with_provider(cluster, opts))
        self.args, self.cluster, self.models, self.operators, self.context = args, cluster, models, operators, context
        self.space = space
        self.front = front if args.traffic else None
        self.pool, self.model = cluster.pools[args.pool], Model.parse(args.model)
        self.identity = identity_of(name, f"endpoint-{name}", "inference-endpoint", context, within=space)
        quota = pods.quota(args, self.pool.resource)
        self.enclosure = Enclosure(self.identity, self, quota=quota, operators=operators, shared=space is not None)
        self.secrets: Mapping[str, SecretKey] = {}
        self.awake = awake(self.identity.namespace, self.pool.resource) if args.scale.min == 0 else ""
        services = releasing.announced(self.enclosure, args)
        route = self._route(services) if releasing.weighed(args) else ()
        replicas = self._replicas([*services, *route])
        self._watch(replicas)
        if args.scale.warm:
            assert warmth, "made by the platform wherever room is held"
            warm.hold(self.enclosure, args, self.pool, warmth, replicas)
        ports.opened(self.enclosure, args.engine.other_ports, args.clients, operators.monitoring.namespace, replicas)
        addresses = releasing.publish(self.enclosure, replicas, services)
        if not route:
            self._route(addresses)
        self._probe()
        self.namespace = self.identity.namespace
        self.url = f"http://{self.identity.name}.{self.identity.namespace}.svc"
        self.register_outputs({"namespace": self.namespace, "url": self.url})

    def _replicas(self, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """What serves: pods, or groups of pods, that may read their model and reach it, started after what they need and what is given."""
        args, enclosure, identity = self.args, self.enclosure, self.identity
        binding, account = enclosure.bind(self.cluster, "endpoint", [Grant(self.models, "read", self.model.prefix)])
        destinations = [*self.cluster.storage_egress, *binding.egress]
        proxies = [self.front.proxies] if self.front else []
        network = enclosure.admit(args.engine.port, [*args.clients, self.operators.monitoring.namespace, *proxies], destinations)
        self.secrets = self._secrets()
        uri = pulumi.Output.concat(self.models.uri, "/", self.model.prefix)
        reach = {**self.models.environment, **binding.environment}
        variables = {**reach, **self.secrets}
        after = [*after, account, network, *binding.depends_on, *self.cluster.ready]
        if args.cache:
            sources, before = (self.model, uri, reach), [account, *binding.depends_on]
            after.append(cache.fill(enclosure, args.cache, sources, self.cluster.storage_classes, destinations, before))
        if args.nodes > 1:
            zonal = self.cluster.zonal
            groups = multinode.leader_worker_set(identity, args, self.pool, uri, variables, zonal=zonal)
            return multinode.run(enclosure, groups, replicated(pods.patience(args)), destinations, after)
        replica = pods.template(identity, args, self.pool, uri, variables, zonal=self.cluster.zonal)
        return releasing.run(enclosure, args, pods.deployment(identity, args, replica), self.operators.monitoring.address, after)

    def _secrets(self) -> Mapping[str, SecretKey]:
        """The Secret of the given secret variables, as references for the container; nothing when there are none."""
        import pulumi_kubernetes as k8s

        args, identity = self.args, self.identity
        if not args.secrets:
            return {}
        values = {key: pulumi.Output.secret(secret.reveal()) for key, secret in args.secrets.items()}
        metadata = identity.metadata(f"{identity.name}-secrets")
        made = k8s.core.v1.Secret(f"{identity.name}-secrets", opts=self.enclosure.inside(), **manifests.secret(metadata, values))
        return {key: SecretKey(made.metadata["name"], key) for key in args.secrets}

    def _watch(self, replicas: pulumi.Resource) -> None:
        """What scrapes the pods, what watches their promises, and what scales them on it."""
        import pulumi_kubernetes as k8s

        args, identity, promises = self.args, self.identity, self.args.objectives
        monitor = pod_monitor(identity, metrics_port(args.engine.other_ports), labels=[rollout.HASH] if args.rollout else ())
        looked_at = triggers(args.scale, args.engine, identity, self.pool.resource, self.operators.monitoring.address)
        target = (rollout.API, rollout.KIND) if args.rollout else (multinode.API, multinode.KIND) if args.nodes > 1 else DEPLOYMENT
        self.enclosure.custom("monitor", monitor)
        if promises:
            rules = objectives.prometheus_rule(identity, promises, counted=args.engine.counts, awake=self.awake)
            self.enclosure.custom("objectives", rules)
        if promises and promises.dashboard:
            shown = dashboard(identity, promises, args.engine)
            k8s.core.v1.ConfigMap(f"{identity.name}-dashboard", opts=self.enclosure.inside(), **shown)
        self.enclosure.custom("scaler", scaled_object(identity, args.scale, looked_at, target), replicas)

    def _route(self, services: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
        """The way in from outside, and a shadow that sees copies of what comes by it, where they are asked for."""
        args, front = self.args, self.front
        if front is None or args.traffic is None:
            return ()
        shadow = None
        if args.shadow:
            shadow = Shadow(
                self.identity,
                args,
                args.shadow,
                self,
                front=front,
                cluster=self.cluster,
                models=self.models,
                operators=self.operators,
                context=self.context,
                space=self.space,
            )
        return [routing.attach(self.enclosure, args, args.traffic, front, services=services, shadow=shadow)]

    def _probe(self) -> None:
        """The client that asks for an answer, where it is asked for."""
        args, monitoring = self.args, self.operators.monitoring.namespace
        if args.probe:
            asked = args.probe.request or probe.question(args.engine, args.model)
            probe.attach(self.enclosure, args.probe, asked, self.secrets, port=args.engine.port, monitoring=monitoring, awake=self.awake)
