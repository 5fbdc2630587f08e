"""Routing of Prometheus alerts: receivers with their secrets, and the routes that lead to them."""

from collections.abc import Mapping

import pulumi

from components.contracts import Cluster, Context, NotificationTopic
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.alerts.args import AlertsArgs, TopicReceiver
from components.kubernetes.alerts.routes import HELD, config
from components.kubernetes.external_secret import external_secret
from components.kubernetes.manifests import Identity
from components.kubernetes.workload import with_provider

__all__ = ["Alerts", "AlertsArgs"]


class Alerts(pulumi.ComponentResource):
    """One AlertmanagerConfig in the namespace of Alertmanager, which routes alerts of all namespaces, and the Secrets that it names."""

    def __init__(
        self,
        name: str,
        args: AlertsArgs,
        *,
        spaces: Mapping[str, str],
        topic: NotificationTopic | None,
        cluster: Cluster,
        operators: OperatorFacts,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`spaces` are the namespaces of teams; `topic` is that of the stack's alarms, if there is one."""
        import pulumi_kubernetes as k8s

        super().__init__("groundwork:kubernetes:Alerts", name, {}, with_provider(cluster, opts))
        identity = Identity(name, operators.monitoring.namespace, context.labels.kubernetes(name, "alerts"))
        within = pulumi.ResourceOptions(parent=self, depends_on=[*operators.ready])
        kept = {key: receiver for key, receiver in args.receivers.items() if not isinstance(receiver, TopicReceiver)}
        secrets = {key: f"{name}-{key}" for key in kept}
        copies = [
            external_secret(
                secrets[key],
                identity.metadata(secrets[key]),
                store={"kind": "ClusterSecretStore", "name": receiver.store},
                key=receiver.key,
                fields={HELD: receiver.field},
                opts=within,
            )
            for key, receiver in kept.items()
        ]
        routed = config(args, identity.metadata(), secrets=secrets, spaces=spaces, topic=topic)
        opts = pulumi.ResourceOptions(parent=self, depends_on=[*operators.ready, *copies])
        k8s.apiextensions.CustomResource(f"{name}-routes", opts=opts, **routed)
        self.register_outputs({"receivers": sorted(args.receivers)})
