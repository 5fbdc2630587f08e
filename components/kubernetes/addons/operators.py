"""The operators that workloads rely on: which a stack installs, at which versions, and what is found where."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pulumi

from components.contracts import Cluster, Context, SecretStoreFacts
from components.kubernetes.addons.charts import Chart, MirrorArgs, release
from components.kubernetes.external_secret import cluster_store
from components.kubernetes.vocabulary import ObjectName, Url
from components.kubernetes.workload import with_provider
from components.spec import Many, Problem, Spec, rule

OperatorName = Literal["keda", "kube-prometheus-stack", "external-secrets"]


class PrometheusArgs(Spec):
    """A Prometheus that is already there, run by the Prometheus operator and selecting pod monitors of all namespaces."""

    address: Url
    """URL of its HTTP interface inside the cluster, such as "http://prometheus.monitoring.svc:9090"."""
    namespace: ObjectName
    """Namespace that it scrapes from; network policies let it in."""


class OperatorsArgs(Spec):
    """Operators: those this stack installs, and where to find what is given. One owner per operator and cluster."""

    install: Many[OperatorName] = ("keda", "kube-prometheus-stack", "external-secrets")
    """Operators that this stack installs at pinned versions; the others must be in the cluster already."""
    prometheus: PrometheusArgs | None = None
    """The Prometheus that is given. Set exactly when kube-prometheus-stack is not installed here."""
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

    @rule("install")
    def _named_once(self) -> list[Problem]:
        twice = sorted({name for name in self.install if self.install.count(name) > 1})
        return [Problem(("install",), f"names {name} twice: remove one") for name in twice]


PROMETHEUS_NAME = "prometheus-stack"
"""Prefix of what the Prometheus chart makes; its Service is `<prefix>-prometheus`."""
EXTERNAL_SECRETS = "external-secrets"
"""Namespace and service account of External Secrets; a site that reads a cloud's secret store grants that account the right."""

CHARTS: Mapping[OperatorName, Chart] = {
    "keda": Chart(
        name="keda",
        repository="https://kedacore.github.io/charts",
        version="2.20.2",
        source="kedacore/charts@1444d00d90d7:keda/Chart.yaml, 2026-08-13",
        namespace="keda",
        security="baseline",
        values={"operator": {"replicaCount": 2}, "podDisruptionBudget": {"operator": {"maxUnavailable": 1}}},
        images={"global.image.registry": "ghcr.io"},
    ),
    "kube-prometheus-stack": Chart(
        name="kube-prometheus-stack",
        repository="https://prometheus-community.github.io/helm-charts",
        version="88.5.3",
        source="prometheus-community/helm-charts@cf408a290aec:charts/kube-prometheus-stack/Chart.yaml, 2026-08-22",
        namespace="monitoring",
        security="privileged",  # the node exporter shares the host's namespaces
        values={
            "fullnameOverride": PROMETHEUS_NAME,
            "grafana": {"enabled": False},
            "prometheus": {
                "prometheusSpec": {
                    "podMonitorSelectorNilUsesHelmValues": False,
                    "serviceMonitorSelectorNilUsesHelmValues": False,
                    "ruleSelectorNilUsesHelmValues": False,
                }
            },
        },
        images={
            "alertmanager.alertmanagerSpec.image.registry": "quay.io",
            "kube-state-metrics.image.registry": "registry.k8s.io",
            "prometheus-node-exporter.image.registry": "quay.io",
            "prometheus.prometheusSpec.image.registry": "quay.io",
            "prometheusOperator.admissionWebhooks.patch.image.registry": "ghcr.io",
            "prometheusOperator.image.registry": "quay.io",
            "prometheusOperator.prometheusConfigReloader.image.registry": "quay.io",
        },
    ),
    "external-secrets": Chart(
        name="external-secrets",
        repository="https://charts.external-secrets.io",
        version="2.9.0",
        source="external-secrets/external-secrets@cc5bfbc2234a:deploy/charts/external-secrets/Chart.yaml, 2026-08-08",
        namespace=EXTERNAL_SECRETS,
        security="baseline",
        values={"replicaCount": 2, "leaderElect": True, "serviceAccount": {"name": EXTERNAL_SECRETS}},
        images={
            "certController.image.repository": "ghcr.io/external-secrets/external-secrets",
            "image.repository": "ghcr.io/external-secrets/external-secrets",
            "webhook.image.repository": "ghcr.io/external-secrets/external-secrets",
        },
    ),
}
"""The add-on table: one row per operator, each installed by one stack of a cluster at most."""


@dataclass(frozen=True, slots=True)
class Monitoring:
    """Where metrics are kept."""

    address: str
    """URL of Prometheus inside the cluster."""
    namespace: str
    """Namespace that it scrapes from."""


def monitoring_of(args: OperatorsArgs) -> Monitoring:
    """The given Prometheus, or the one that this stack installs."""
    if args.prometheus is not None:
        return Monitoring(args.prometheus.address, args.prometheus.namespace)
    namespace = CHARTS["kube-prometheus-stack"].namespace
    return Monitoring(f"http://{PROMETHEUS_NAME}-prometheus.{namespace}.svc:9090", namespace)


class Operators(pulumi.ComponentResource):
    """The operators that a stack installs, each a Helm release in a namespace of its own."""

    monitoring: Monitoring
    """Where metrics are kept, installed here or given."""
    ready: tuple[pulumi.Resource, ...]
    """What must exist before an object that an operator serves."""

    def __init__(
        self,
        name: str,
        args: OperatorsArgs,
        *,
        cluster: Cluster,
        context: Context,
        secrets: SecretStoreFacts | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`secrets` is the site's own secret store; namespaces of this stack may copy from it."""
        super().__init__("groundwork:kubernetes:Operators", name, {}, with_provider(cluster, opts))
        self.args = args
        self.monitoring = monitoring_of(args)
        wanted = [operator for operator in get_args(OperatorName) if operator in args.install]
        releases = tuple(self._release(f"{name}-{operator}", CHARTS[operator], cluster, context) for operator in wanted)
        self.ready = (*releases, *([self._store(f"{name}-secrets", secrets, releases, context)] if secrets else []))
        self.register_outputs({"installed": {operator: CHARTS[operator].version for operator in wanted}})

    def _release(self, name: str, chart: Chart, cluster: Cluster, context: Context) -> pulumi.Resource:
        """The release, in a namespace that goes when it goes."""
        import pulumi_kubernetes as k8s

        labels = {**context.labels.kubernetes(name, chart.name), "pod-security.kubernetes.io/enforce": chart.security}
        namespace = k8s.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": chart.namespace, "labels": labels},
            opts=pulumi.ResourceOptions(parent=self),
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=[*cluster.settled])
        return release(f"{name}-release", chart, namespace=namespace.metadata["name"], mirror=self.args.mirror, opts=opts)

    def _store(self, name: str, secrets: SecretStoreFacts, after: Sequence[pulumi.Resource], context: Context) -> pulumi.Resource:
        """The ClusterSecretStore of the site's own secret store."""
        labels = context.labels.kubernetes(name, "secret-store")
        own = {key: labels[key] for key in ("app.kubernetes.io/part-of", "groundwork.dev/stack")}
        opts = pulumi.ResourceOptions(parent=self, depends_on=[*after, *secrets.ready])
        return cluster_store(name, {"name": secrets.name, "labels": labels}, secrets.provider, own, opts)
