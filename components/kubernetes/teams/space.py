"""The place of a team on a cluster: a closed namespace, what it may hold, and who may put things into it."""

from collections import Counter

import pulumi

from components.contracts import Cluster, Context
from components.kubernetes.addons.facts import OperatorFacts
from components.kubernetes.teams import rights
from components.kubernetes.teams.args import TeamArgs
from components.kubernetes.workload import Enclosure, identity_of, with_provider
from components.naming import Naming

__all__ = ["TeamArgs", "TeamSpace", "space_of"]


def space_of(team: str, naming: Naming) -> str:
    """Name of a team's namespace, and of the group that may use it; `naming` is the platform's."""
    return naming.name(f"team-{team}")


class TeamSpace(pulumi.ComponentResource):
    """A namespace for a team's endpoints, closed by default and bounded in pods and GPUs; the team's group manages endpoints in it.

    The rights, the quota and the policy that closes the namespace stay with the platform: the group may change none of them. Which of its
    pods reach and are reached by whom is the team's to say.
    """

    namespace: str
    """The namespace; the group that may use it has the same name."""

    def __init__(
        self,
        team: str,
        args: TeamArgs,
        *,
        cluster: Cluster,
        operators: OperatorFacts,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Raises KeyError if `args.gpus` names no pool of the cluster (the platform's rules say so first)."""
        import pulumi_kubernetes as k8s

        name = f"team-{team}"
        super().__init__("groundwork:kubernetes:TeamSpace", name, {}, with_provider(cluster, opts))
        identity = identity_of(name, name, "team", context)
        self.namespace = space_of(team, context.naming)
        gpus: Counter[str] = Counter({f"requests.{pool.resource}": 0 for pool in cluster.pools.values()})
        for pool, most in args.gpus.items():
            gpus[f"requests.{cluster.pools[pool].resource}"] += most
        quota = {"pods": str(args.pods), **{resource: str(most) for resource, most in sorted(gpus.items())}}
        enclosure = Enclosure(identity, self, quota=quota, operators=operators, after=operators.ready)
        role = k8s.rbac.v1.Role(f"{name}-role", opts=enclosure.inside(), **rights.role(identity))
        k8s.rbac.v1.RoleBinding(f"{name}-members", opts=enclosure.inside(role), **rights.role_binding(identity, self.namespace))
        closing = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            f"{name}-closing", opts=pulumi.ResourceOptions(parent=self), **rights.closing_policy(identity, self.namespace)
        )
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            f"{name}-closed",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closing]),
            **rights.closing_binding(identity, self.namespace),
        )
        cluster.admit(name, self.namespace, args.principals, self)
        self.register_outputs({"namespace": self.namespace})
