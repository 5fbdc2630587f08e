"""GPU monitoring of a cluster: alerts, and a dashboard where one is asked for."""

import pulumi

from components.contracts import Cluster, Context
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.addons.table import table
from components.kubernetes.gpus.board import dashboard
from components.kubernetes.gpus.counters import EXPORTER
from components.kubernetes.gpus.rules import prometheus_rule
from components.kubernetes.manifests import Identity
from components.kubernetes.workload import with_provider


class GpuWatch(pulumi.ComponentResource):
    """Rules on what the DCGM exporter tells, in its namespace."""

    def __init__(
        self,
        name: str,
        *,
        cluster: Cluster,
        operators: OperatorFacts,
        context: Context,
        board: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`board` adds the dashboard."""
        import pulumi_kubernetes as k8s

        super().__init__("groundwork:kubernetes:GpuWatch", name, {}, with_provider(cluster, opts))
        identity = Identity(name, table()[EXPORTER].namespace, context.labels.kubernetes(name, "gpu-watch"))
        after = pulumi.ResourceOptions(parent=self, depends_on=[*operators.ready])
        k8s.apiextensions.CustomResource(f"{name}-rules", opts=after, **prometheus_rule(identity))
        if board:
            k8s.core.v1.ConfigMap(f"{name}-dashboard", opts=after, **dashboard(identity))
        self.register_outputs({})
