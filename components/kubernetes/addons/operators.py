"""The operators that workloads rely on: which a stack installs, at which versions, and what is found where."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, get_args

import pulumi

from components.contracts import AcceleratorPool, Cluster, Context, NotificationTopic, SecretStoreFacts
from components.kubernetes.addons import values
from components.kubernetes.addons.charts import MirrorArgs, release
from components.kubernetes.addons.facts import Monitoring
from components.kubernetes.addons.kept_metrics import KeptMetricsArgs, prometheus
from components.kubernetes.addons.priority import platform_priority
from components.kubernetes.addons.table import table
from components.kubernetes.external_secret import cluster_store
from components.kubernetes.vocabulary import Namespace, Url
from components.kubernetes.workload import with_provider
from components.spec import ImageReference, Many, Problem, Spec, rule

OperatorName = Literal[
    "keda", "kube-prometheus-stack", "external-secrets", "envoy-gateway", "cert-manager", "argo-rollouts", "dcgm-exporter", "lws"
]
"""Rows of the add-on table that a stack may name, each after those that it follows when both are installed."""
FOLLOWS: Mapping[OperatorName, OperatorName] = {"cert-manager": "envoy-gateway", "dcgm-exporter": "kube-prometheus-stack"}
"""Whose kinds an operator uses when they are there: those of the Gateway API, and ServiceMonitor."""


SERVES: Mapping[str, OperatorName] = {
    "keda.sh": "keda",
    "monitoring.coreos.com": "kube-prometheus-stack",
    "external-secrets.io": "external-secrets",
    "gateway.networking.k8s.io": "envoy-gateway",
    "gateway.envoyproxy.io": "envoy-gateway",
    "cert-manager.io": "cert-manager",
    "argoproj.io": "argo-rollouts",
    "leaderworkerset.x-k8s.io": "lws",
}
"""Whose chart brings the kinds of an API group. Source: the custom resource definitions of the charts."""


class PrometheusArgs(Spec):
    """A Prometheus that is already there, run by the Prometheus operator and selecting pod monitors of all namespaces."""

    address: Url
    """URL of its HTTP interface inside the cluster, such as "http://prometheus.monitoring.svc:9090"."""
    namespace: Namespace
    """Namespace that it scrapes from; network policies let it in."""


class OperatorsArgs(Spec):
    """Operators: those this stack installs, and where to find what is given. One owner per operator and cluster."""

    install: Many[OperatorName] = ("keda", "kube-prometheus-stack", "external-secrets")
    """Operators that this stack installs at pinned versions. envoy-gateway brings the Gateway API, cert-manager certificates,
    argo-rollouts gradual rollouts, dcgm-exporter metrics of NVIDIA GPUs, lws replicas of several nodes."""
    given: Many[OperatorName] = ()
    """Operators that are in the cluster already, run by others. What is neither installed nor given cannot be relied on."""
    gateway_plugin: ImageReference | None = None
    """Image of Argo Rollouts' plugin for the Gateway API, by digest: rollouts then move the weights of routes. Absent goes by replicas."""
    prometheus: PrometheusArgs | None = None
    """The Prometheus that is given. Set exactly when kube-prometheus-stack is not installed here."""
    metrics: KeptMetricsArgs | None = None
    """What the Prometheus that this stack installs keeps, and where; absent is ten days at most, in its pod, which may move and forget."""
    gpu_dashboard: bool = False
    """Whether there is a dashboard of all GPUs, for a Grafana whose sidecar reads ConfigMaps of all namespaces (grafana_dashboard).
    It shows what the dcgm-exporter tells that this stack installs."""
    mirror: MirrorArgs | None = None
    """The registry that charts and images of everything installed on the cluster come from; absent takes each from its project's own."""

    @rule("install", "prometheus")
    def _one_prometheus(self) -> list[Problem]:
        installed = "kube-prometheus-stack" in self.install
        if installed and self.prometheus is not None:
            return [Problem(("prometheus",), "is given, and kube-prometheus-stack is installed too: remove one of them")]
        if not installed and self.prometheus is None:
            return [Problem(("prometheus",), "is missing: say where Prometheus answers, or install kube-prometheus-stack")]
        return []

    @rule("install", "given")
    def _named_once(self) -> Iterator[Problem]:
        for field, names in (("install", self.install), ("given", self.given)):
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield Problem((field,), f"names {name} twice: remove one")
        for name in sorted({*self.install} & {*self.given}):
            yield Problem(("given",), f"names {name}, which is installed too: remove it here or from install")

    @rule("install", "gateway_plugin")
    def _plugin_of_our_own(self) -> Iterator[Problem]:
        if self.gateway_plugin and "argo-rollouts" not in self.install:
            text = "is for the Argo Rollouts that this stack installs, and it installs none: add argo-rollouts to install, or remove it"
            yield Problem(("gateway_plugin",), text)

    @rule("install", "metrics")
    def _metrics_of_our_own(self) -> Iterator[Problem]:
        if self.metrics and "kube-prometheus-stack" not in self.install:
            text = "are kept by a Prometheus that others run: remove them, or add kube-prometheus-stack to install"
            yield Problem(("metrics",), text)

    @rule("install", "gpu_dashboard")
    def _dashboard_of_something(self) -> Iterator[Problem]:
        if self.gpu_dashboard and "dcgm-exporter" not in self.install:
            text = "would show nothing, since this stack installs no dcgm-exporter: add it to install, or leave the dashboard out"
            yield Problem(("gpu_dashboard",), text)

    def has(self, operator: OperatorName) -> bool:
        """Whether an operator can be relied on: installed here, or run by others."""
        return operator in (*self.install, *self.given)


EXTERNAL_SECRETS: Final = "external-secrets"
"""Namespace and service account of External Secrets; a site that reads a cloud's secret store grants that account the right."""


ALERTMANAGER = "alertmanager"
"""Service account of Alertmanager; a site whose topic hears alerts lets that account publish."""


def monitoring_of(args: OperatorsArgs) -> Monitoring:
    """The given Prometheus, or the one that this stack installs."""
    if args.prometheus is not None:
        return Monitoring(args.prometheus.address, args.prometheus.namespace)
    chart = table()["kube-prometheus-stack"]
    return Monitoring(f"http://{chart.values['fullnameOverride']}-prometheus.{chart.namespace}.svc:9090", chart.namespace)


def values_for(operator: OperatorName, args: OperatorsArgs, pools: Iterable[AcceleratorPool]) -> Mapping[str, Any]:
    """What the chart of an operator is told beside what its row says."""
    match operator:
        case "argo-rollouts":
            return values.argo_rollouts(args.gateway_plugin)
        case "cert-manager":
            return values.cert_manager(gateways=args.has("envoy-gateway"))
        case "dcgm-exporter":
            return values.dcgm_exporter(pools)
        case "kube-prometheus-stack":
            return prometheus(args.metrics)
        case _:
            return {}


class Operators(pulumi.ComponentResource):
    """The operators that a stack installs, each a Helm release in a namespace of its own."""

    monitoring: Monitoring
    """Where metrics are kept, installed here or given."""
    ready: tuple[pulumi.Resource, ...]
    """All operators, for namespaces in which others make objects that operators serve."""

    def __init__(
        self,
        name: str,
        args: OperatorsArgs,
        *,
        cluster: Cluster,
        context: Context,
        secrets: SecretStoreFacts | None = None,
        topic: NotificationTopic | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`secrets` is the site's own secret store; namespaces of this stack may copy from it. `topic` is told of alerts."""
        super().__init__("groundwork:kubernetes:Operators", name, {}, with_provider(cluster, opts))
        self.args = args
        self.monitoring = monitoring_of(args)
        own = pulumi.ResourceOptions(parent=self)
        self.priority = platform_priority(f"{name}-priority", context, own)
        made: dict[OperatorName, pulumi.Resource] = {}
        for operator in (known for known in get_args(OperatorName) if known in args.install):
            before = [made[first] for first in (FOLLOWS.get(operator),) if first in made]
            before += self._under_prometheus(cluster, topic) if operator == "kube-prometheus-stack" else ()
            made[operator] = self._release(f"{name}-{operator}", operator, cluster, context, before)
        self.made: Mapping[OperatorName, pulumi.Resource] = made
        copier = [made[EXTERNAL_SECRETS]] if EXTERNAL_SECRETS in made else []
        self.stores = (self._store(f"{name}-secrets", secrets, copier, context),) if secrets else ()
        self.ready = (*made.values(), *self.stores)
        self.register_outputs({"installed": {operator: table()[operator].version for operator in made}})

    def serving(self, api_version: str) -> Sequence[pulumi.Resource]:
        """The release that brings an API version and runs its controller, where this stack installs it, and what it reads.

        Nothing else is waited for, since replicas load a model for minutes once they are made.
        """
        operator = SERVES.get(api_version.partition("/")[0])
        if operator is None or operator not in self.made:
            return ()
        return (self.made[operator], *(self.stores if operator == EXTERNAL_SECRETS else ()))

    def _under_prometheus(self, cluster: Cluster, topic: NotificationTopic | None) -> Iterator[pulumi.Resource]:
        """What must be there before its chart: classes that its volume may be of, and the rights of what it tells."""
        yield from (topic.ready if topic else ())
        for known in cluster.storage_classes.values() if self.args.metrics else ():
            yield from (() if known.shared else known.ready)

    def _release(
        self, name: str, operator: OperatorName, cluster: Cluster, context: Context, before: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        """The release, in a namespace that goes when it goes."""
        import pulumi_kubernetes as k8s

        chart = table()[operator]
        labels = {**context.labels.kubernetes(name, chart.name), "pod-security.kubernetes.io/enforce": chart.security}
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": chart.namespace, "labels": labels},
            opts=pulumi.ResourceOptions(parent=self),
        )
        priority, known = self.priority
        after = [*cluster.settled, known, *before]
        return release(
            f"{name}-release",
            chart,
            namespace=namespace.metadata["name"],
            mirror=self.args.mirror,
            extra=values_for(operator, self.args, cluster.pools.values()),
            priority=priority,
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )

    def _store(self, name: str, secrets: SecretStoreFacts, after: Sequence[pulumi.Resource], context: Context) -> pulumi.Resource:
        """The ClusterSecretStore of the site's own secret store."""
        labels = context.labels.kubernetes(name, "secret-store")
        own = {key: labels[key] for key in ("app.kubernetes.io/part-of", "groundwork.dev/stack")}
        opts = pulumi.ResourceOptions(parent=self, depends_on=[*after, *secrets.ready])
        return cluster_store(name, {"name": secrets.name, "labels": labels}, secrets.provider, own, opts)
