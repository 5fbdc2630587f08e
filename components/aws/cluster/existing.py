"""An EKS cluster that others own: what a stack file says of it, and the contract it keeps. Neither it nor its nodes are changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import pulumi
from pydantic import Field, StringConstraints

from components.accelerators import aws_machines, nearest, unfit
from components.aws.cluster.bound import EksComponent
from components.aws.cluster.control_plane import Reached, kubeconfig
from components.aws.network.facts import NetworkFacts
from components.aws.values import GroupId
from components.contracts import AcceleratorPool, Context, StorageClass, Taint
from components.given import Given
from components.kubernetes.addons.operators import EXTERNAL_SECRETS
from components.kubernetes.serving.coldstart import PullSpeed
from components.kubernetes.vocabulary import LabelKey, LabelValue, Url
from components.lazy import lazy
from components.spec import Name, Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
    import pulumi_kubernetes as k8s
else:
    aws = lazy("pulumi_aws")
    k8s = lazy("pulumi_kubernetes")

ClusterName = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]*$"), Given("aws:eks/cluster:Cluster", "EKS cluster")
]
"""The name of an EKS cluster that exists."""
Authority = Annotated[str, StringConstraints(min_length=100, max_length=8000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
"""A certificate in base64."""


class GivenPoolArgs(Spec):
    """Equal GPU nodes of the cluster."""

    machine: str
    """Their EC2 machine type, such as g6e.12xlarge; what endpoints ask for is checked against it."""
    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]
    """Labels that all these nodes carry and no others do."""
    taints: dict[LabelKey, LabelValue] = Field(default_factory=lambda: {"nvidia.com/gpu": "true"})
    """Taints of the nodes with effect NoSchedule, which pods of the pool tolerate."""
    nodes: Annotated[int, Field(ge=1, le=10_000)]
    """Most nodes of the pool. The sum of what endpoints may grow to is checked against it."""
    pull_speed: PullSpeed | None = None
    """How much of a container image a node fetches and unpacks in a second, as measured, such as 120MiB; cold starts are reckoned with it.
    Absent is what is known of nodes elsewhere, 24 MB."""

    @rule("machine")
    def _known(self) -> Iterator[Problem]:
        known = aws_machines().get(self.machine)
        if known is None:
            yield Problem(("machine",), f"is not an EC2 machine type known here{nearest(self.machine, aws_machines())}")
        elif reason := unfit(known):
            yield Problem(("machine",), f"cannot be in a GPU pool: {reason}")


class ExistingEksFacts(Spec):
    """How to reach the cluster, and what it holds.

    Its owners run the add-ons of EKS with the Pod Identity agent, a default storage class, and let the role that deploys put namespaces
    into it.
    """

    name: ClusterName
    """Its name."""
    endpoint: Url
    """URL of its API server."""
    authority: Authority
    """Certificate authority of its API server in base64, as `aws eks describe-cluster` tells it."""
    security_group: GroupId
    """The group of its nodes and pods, which the database lets in."""
    pools: dict[Name, GivenPoolArgs] = Field(default_factory=dict)
    """GPU pools by name."""


class ExistingEksArgs(Spec):
    """A cluster that others own, in place of one that is made."""

    existing: ExistingEksFacts
    """The cluster."""


def accelerator_pool(name: str, args: GivenPoolArgs) -> AcceleratorPool:
    """The pool as workloads know it."""
    machine = aws_machines()[args.machine]
    return AcceleratorPool(
        name=name,
        machine=args.machine,
        accelerator=machine.accelerator,
        resource=machine.resource,
        per_node=int(machine.accelerators),
        memory_mib=machine.accelerator_memory_mib,
        node_labels=dict(args.labels),
        taints=tuple(Taint(key, value, "NoSchedule") for key, value in args.taints.items()),
        max_nodes=args.nodes,
        capacity=("owned",),
    )


class ExistingEks(EksComponent):
    """A provider for the cluster, and roles for service accounts in it; satisfies components.aws.cluster.facts.AwsCluster."""

    def __init__(
        self, name: str, args: ExistingEksFacts, *, network: NetworkFacts, context: Context, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ExistingCluster", name, cluster_name=args.name, network=network, context=context, opts=opts)
        self.reached = Reached(args.endpoint, args.authority)
        self.kubernetes: pulumi.ProviderResource = k8s.Provider(
            f"{name}-kubernetes",
            cluster_identifier=f"arn:aws:eks:{self.region}:{self.account}:cluster/{args.name}",
            kubeconfig=kubeconfig(args.name, self.region, self.reached),
            opts=self.child(),
        )
        self.pools: Mapping[str, AcceleratorPool] = {pool: accelerator_pool(pool, facts) for pool, facts in args.pools.items()}
        self.secret_reader = self.grant(f"{name}-secrets", EXTERNAL_SECRETS, EXTERNAL_SECRETS, (), self)
        self.node_roles: Sequence[aws.iam.Role] = ()
        self.security_group: pulumi.Output[str] = pulumi.Output.from_input(args.security_group)
        self.storage_classes: Mapping[str, StorageClass] = {}
        self.settled: Sequence[pulumi.Resource] = self.secret_reader.ready
        self.ready: Sequence[pulumi.Resource] = self.settled
        self.register_outputs({"pools": sorted(self.pools)})

    def admit(self, name: str, group: str, principals: Sequence[str], parent: pulumi.Resource) -> None:
        """Nothing: who is in a group is the business of the cluster's owners. Raises ValueError for principals."""
        if principals:
            raise ValueError(f"{group}: who is in a group of this cluster is decided by its owners")
