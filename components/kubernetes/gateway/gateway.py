"""The way in from outside the cluster: one gateway for every endpoint that asks for it."""

import pulumi

from components.contracts import Cluster, Context
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.addons.priority import priority_name
from components.kubernetes.addons.table import table
from components.kubernetes.external_secret import API, external_secret
from components.kubernetes.gateway import objects
from components.kubernetes.gateway.args import GatewayArgs, IssuedCertificate
from components.kubernetes.gateway.front import Front
from components.kubernetes.workload import Enclosure, identity_of, with_provider
from components.naming import Naming

__all__ = ["Front", "Gateway", "GatewayArgs"]


NAME = "gateway"


def front_of(args: GatewayArgs, naming: Naming, *ready: pulumi.Resource) -> Front:
    """What routes are attached to, of the platform that is named so; its gateway is always called the same."""
    return Front(NAME, naming.name(NAME), args.domain, table()["envoy-gateway"].namespace, ready)


class Gateway(pulumi.ComponentResource):
    """TLS on port 443 for every name below a domain: class, proxies, listener and certificate, in a namespace where nothing runs.

    The proxies themselves run beside the controller, in its namespace.
    """

    front: Front
    """What routes are attached to."""

    def __init__(
        self,
        args: GatewayArgs,
        *,
        cluster: Cluster,
        operators: OperatorFacts,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name = NAME
        super().__init__("groundwork:kubernetes:Gateway", name, {}, with_provider(cluster, opts))
        self.identity = identity_of(name, name, "gateway", context)
        self.enclosure = Enclosure(self.identity, self, quota={"pods": "0"}, operators=operators)
        class_name = context.naming.name(name)
        balancer = cluster.load_balancer(public=args.exposure == "public")
        priority = priority_name(context.naming)
        manifest = objects.proxy(self.identity, args, balancer, priority)
        proxies = self.enclosure.custom("proxies", manifest)
        made = self.enclosure.custom("class", objects.gateway_class(self.identity, class_name), proxies)
        self._certificate(args)
        admitted = {"app.kubernetes.io/part-of": self.identity.labels["app.kubernetes.io/part-of"]}
        listener = self.enclosure.custom("listener", objects.gateway(self.identity, args, class_name, admitted), made)
        policy = self.enclosure.custom("clients", objects.client_policy(self.identity), listener)
        self.front = front_of(args, context.naming, listener, policy)
        self.register_outputs({"domain": args.domain, "namespace": self.identity.namespace})

    def _certificate(self, args: GatewayArgs) -> pulumi.Resource:
        """What makes the Secret that the listener names, which serves nothing until it is there; no route waits for it."""
        given, name = args.certificate, objects.certificate_name(self.identity)
        if isinstance(given, IssuedCertificate):
            return self.enclosure.custom("certificate", objects.certificate(self.identity, args.domain, given.issuer))
        return external_secret(
            f"{self.identity.name}-certificate",
            self.identity.metadata(name),
            store={"kind": "ClusterSecretStore", "name": given.store},
            key=given.key,
            fields={"tls.crt": given.certificate_field, "tls.key": given.key_field},
            kind="kubernetes.io/tls",
            opts=self.enclosure.served(API),
        )
