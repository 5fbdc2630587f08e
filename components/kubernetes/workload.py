"""Namespace of a workload: closed by default, with an account and an address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi

from components.contracts import Binding, Cluster, Context, Grant
from components.kubernetes import manifests
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.manifests import Identity, Manifest


def identity_of(name: str, role: str, app: str, context: Context, *, within: str | None = None) -> Identity:
    """The identity of workload `name` of the application `app`, in the namespace `within` that it shares with others.

    Without one it has its own, and `role` makes that namespace's name unique in the stack.
    """
    return Identity(name, within or context.naming.name(role), context.labels.kubernetes(name, app))


def with_provider(cluster: Cluster, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """The caller's options for a component whose children live in `cluster`."""
    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(providers=[cluster.kubernetes]), opts)


DEFAULT_WAIT: Final = 600
"""Seconds that the provider waits for a create, an update or a delete that says nothing else.

Source: pulumi/pulumi-kubernetes v4.34.2, provider/pkg/await/await.go.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that `up` and `destroy` wait for what keeps pods.

    The provider deletes in the foreground: what is deleted is gone when its last pod has ended, so
    `delete` covers the longest time that a pod has to end.
    """

    create: int = DEFAULT_WAIT
    update: int = DEFAULT_WAIT
    delete: int = DEFAULT_WAIT

    def options(self, *ignored: str) -> pulumi.ResourceOptions:
        """Options of the resource, with the paths of inputs whose changes are ignored."""
        timeouts = pulumi.CustomTimeouts(create=f"{self.create}s", update=f"{self.update}s", delete=f"{self.delete}s")
        return pulumi.ResourceOptions(ignore_changes=[*ignored], custom_timeouts=timeouts)


def replicated(patience: Patience) -> pulumi.ResourceOptions:
    """Options of what keeps replicas, whose number belongs to an autoscaler once it is made."""
    return patience.options("spec.replicas")


def until(deadline: int) -> pulumi.ResourceOptions:
    """Options of a job that is given up after `deadline` seconds: `up` waits as long, and a minute for its failure to be told."""
    return Patience(create=deadline + 60, update=deadline + 60).options()


class Enclosure:
    """The namespace and what closes it, made at once; the rest by its methods. Children of `parent` are named `<name>-<role>`.

    A namespace that is `shared` was made, closed and bounded by whoever owns it.
    """

    def __init__(
        self,
        identity: Identity,
        parent: pulumi.ComponentResource,
        *,
        quota: Mapping[str, str],
        operators: OperatorFacts,
        after: Sequence[pulumi.Resource] = (),
        shared: bool = False,
    ) -> None:
        """An object that one of `operators` serves is made after it and gone before it; the namespace itself is made after `after`."""
        self.identity = identity
        self.parent = parent
        self.operators = operators
        self.namespace: pulumi.Input[str] = identity.namespace
        self.before = tuple(after) if shared else (self._close(quota, after),)

    def _close(self, quota: Mapping[str, str], after: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """The namespace, and what closes and bounds it."""
        import pulumi_kubernetes as k8s

        name, identity = self.identity.name, self.identity
        made = k8s.core.v1.Namespace(
            f"{name}-namespace", opts=pulumi.ResourceOptions(parent=self.parent, depends_on=[*after]), **manifests.namespace(identity)
        )
        within = pulumi.ResourceOptions(parent=self.parent, depends_on=[made])
        k8s.networking.v1.NetworkPolicy(f"{name}-deny", opts=within, **manifests.default_deny(identity))
        k8s.core.v1.ResourceQuota(f"{name}-quota", opts=within, **manifests.quota(identity, quota))
        self.namespace = made.metadata["name"]
        return made

    def inside(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a child that stands in the namespace, made after the given resources."""
        return pulumi.ResourceOptions(parent=self.parent, depends_on=[*self.before, *after])

    def served(self, api_version: str, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a child of a custom kind, which its operator serves."""
        return self.inside(*self.operators.serving(api_version), *after)

    def custom(self, role: str, manifest: Manifest, *after: pulumi.Resource, more: pulumi.ResourceOptions | None = None) -> pulumi.Resource:
        """An object of a custom kind; `more` are options beside those of every child."""
        import pulumi_kubernetes as k8s

        opts = pulumi.ResourceOptions.merge(self.served(manifest["api_version"], *after), more)
        return k8s.apiextensions.CustomResource(f"{self.identity.name}-{role}", opts=opts, **manifest)

    def bind(self, cluster: Cluster, role: str, grants: Sequence[Grant]) -> tuple[Binding, pulumi.Resource]:
        """Give the workload's service account the granted rights; returns them and the account.

        `role` tells kinds of workload apart, since an endpoint may be called what something else is called and sites name rights globally.
        """
        import pulumi_kubernetes as k8s

        name = self.identity.name
        binding = cluster.bind_identity(f"{name}-{role}", self.namespace, name, grants, self.parent)
        account = k8s.core.v1.ServiceAccount(
            f"{name}-account", opts=self.inside(), **manifests.service_account(self.identity, binding.annotations)
        )
        return binding, account

    def admit(self, port: int, clients: Sequence[str], destinations: Sequence[tuple[str, int]]) -> pulumi.Resource:
        """Let the client namespaces in and the workload out to its (CIDR, TCP port) destinations."""
        import pulumi_kubernetes as k8s

        policy = manifests.network_policy(self.identity, port, clients, destinations)
        return k8s.networking.v1.NetworkPolicy(f"{self.identity.name}-network", opts=self.inside(), **policy)

    def run(self, deployment: Manifest, patience: Patience, *after: pulumi.Resource) -> pulumi.Resource:
        """The Deployment. Once made, an autoscaler may own the number of replicas; `up` waits for them as long as `patience` says."""
        import pulumi_kubernetes as k8s

        opts = pulumi.ResourceOptions.merge(self.inside(*after), replicated(patience))
        return k8s.apps.v1.Deployment(f"{self.identity.name}-pods", opts=opts, **deployment)

    def publish(self, pods: pulumi.Resource) -> pulumi.Resource:
        """Make the disruption budget and, once the pods answer, the Service on port 80; returns the Service."""
        self.budget()
        return self.serve(self.identity.name, "service", pods)

    def budget(self) -> None:
        """The disruption budget of the pods."""
        import pulumi_kubernetes as k8s

        identity = self.identity
        k8s.policy.v1.PodDisruptionBudget(f"{identity.name}-budget", opts=self.inside(), **manifests.disruption_budget(identity))

    def serve(self, called: str, role: str, *pods: pulumi.Resource) -> pulumi.Resource:
        """A Service of a name on port 80.

        The provider waits until a Service has endpoints, so one made before its pods would run into that timeout while a model loads.
        """
        import pulumi_kubernetes as k8s

        return k8s.core.v1.Service(f"{self.identity.name}-{role}", opts=self.inside(*pods), **manifests.service(self.identity, 80, called))

    def announce(self, called: str, role: str, *, steered: bool = False) -> pulumi.Resource:
        """A Service of a name on port 80 that is there before its pods; the provider does not wait for its endpoints.

        `steered` leaves it to a controller which of the pods it selects, now and then some that are gone.
        """
        import pulumi_kubernetes as k8s

        theirs = pulumi.ResourceOptions(ignore_changes=["spec.selector"] if steered else None)
        opts = pulumi.ResourceOptions.merge(self.inside(), theirs)
        service = manifests.service(self.identity, 80, called, annotations={"pulumi.com/skipAwait": "true"})
        return k8s.core.v1.Service(f"{self.identity.name}-{role}", opts=opts, **service)
