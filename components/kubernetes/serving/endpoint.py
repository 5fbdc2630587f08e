"""One registered model behind one address, on GPUs of one pool."""

from collections.abc import Mapping, Sequence

import pulumi

from components.contracts import Cluster, Context, Grant, ObjectStore, SecretKey
from components.kubernetes import manifests
from components.kubernetes.addons.operators import Operators
from components.kubernetes.manifests import Manifest
from components.kubernetes.serving import objectives, pods
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.kubernetes.serving.dashboards import dashboard
from components.kubernetes.serving.model import Model
from components.kubernetes.serving.monitor import pod_monitor
from components.kubernetes.serving.scaling import ScaleArgs, scaled_object, triggers
from components.kubernetes.workload import Enclosure, identity_of, with_provider
from components.spec import Duration

__all__ = ["InferenceEndpoint", "InferenceEndpointArgs", "ScaleArgs"]


class InferenceEndpoint(pulumi.ComponentResource):
    """A model served by one pod per replica: Deployment, Service, autoscaler on queue depth, and a namespace closed around them.

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
        operators: Operators,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Raises KeyError if `args.pool` is none of the cluster's pools (the platform's rules say so first, with the names)."""
        super().__init__("groundwork:kubernetes:InferenceEndpoint", name, {}, with_provider(cluster, opts))
        pool = cluster.pools[args.pool]
        model = Model.parse(args.model)
        identity = identity_of(name, f"endpoint-{name}", "inference-endpoint", context)
        enclosure = Enclosure(identity, self, quota=pods.quota(args, pool.resource), after=operators.ready)
        binding, account = enclosure.bind(cluster, "endpoint", [Grant(models, "read", model.prefix)])
        clients = [*args.clients, operators.monitoring.namespace]
        network = enclosure.admit(args.engine.port, clients, [*cluster.dataplane_egress, *binding.egress])
        variables = {**models.environment, **binding.environment, **self._secrets(enclosure, args)}
        uri = pulumi.Output.concat(models.uri, "/", model.prefix)
        replica = pods.template(identity, args, pool, uri, variables, zonal=cluster.zonal)
        manifest = pods.deployment(identity, args, replica)
        replicas = self._pods(enclosure, manifest, args.load_time, [account, network, *binding.depends_on, *cluster.ready])
        looked_at = triggers(args.scale, args.engine, identity.namespace, pool.resource, operators.monitoring.address)
        self._watch(enclosure, args, looked_at, replicas)
        enclosure.publish(replicas)
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

    def _pods(self, enclosure: Enclosure, manifest: Manifest, load_time: Duration, after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """The Deployment. Once made, the autoscaler owns the number of replicas; `up` waits as long as a node and the model may take."""
        import pulumi_kubernetes as k8s

        wait = f"{load_time.seconds + pods.NODE_MARGIN}s"
        own = pulumi.ResourceOptions(ignore_changes=["spec.replicas"], custom_timeouts=pulumi.CustomTimeouts(create=wait, update=wait))
        opts = pulumi.ResourceOptions.merge(enclosure.inside(*after), own)
        return k8s.apps.v1.Deployment(f"{enclosure.identity.name}-pods", opts=opts, **manifest)

    def _watch(self, enclosure: Enclosure, args: InferenceEndpointArgs, looked_at: list[Manifest], replicas: pulumi.Resource) -> None:
        """What scrapes the pods, what watches their promises, and what scales them on it."""
        import pulumi_kubernetes as k8s

        identity = enclosure.identity
        k8s.apiextensions.CustomResource(f"{identity.name}-monitor", opts=enclosure.inside(), **pod_monitor(identity))
        if args.objectives:
            rules = objectives.prometheus_rule(identity, args.objectives, sleeps=args.scale.min == 0)
            k8s.apiextensions.CustomResource(f"{identity.name}-objectives", opts=enclosure.inside(), **rules)
        if args.objectives and args.objectives.dashboard:
            shown = dashboard(identity, args.objectives, args.engine)
            k8s.core.v1.ConfigMap(f"{identity.name}-dashboard", opts=enclosure.inside(), **shown)
        scaler = scaled_object(identity, args.scale, looked_at)
        k8s.apiextensions.CustomResource(f"{identity.name}-scaler", opts=enclosure.inside(replicas), **scaler)
