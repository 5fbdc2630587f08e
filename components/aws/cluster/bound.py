"""Base class of EKS clusters, whoever made them: identities for service accounts, and where pods reach data."""

from collections.abc import Sequence

import pulumi

from components.aws.base import AwsComponent
from components.aws.cluster.access import member
from components.aws.cluster.load_balancers import by_cloud_provider
from components.aws.documents.statements import Statement
from components.aws.identity.pods import CREDENTIALS_ADDRESS, Identity, ServiceAccount, bind, grant_statements
from components.aws.network.facts import Whereabouts
from components.contracts import Binding, Context, Grant, LoadBalancer

POSTGRES_PORT = 5432


class EksComponent(AwsComponent):
    """An EKS cluster in a network, whose pods act as IAM roles by Pod Identity. `cluster_name` is its physical name."""

    def __init__(
        self,
        kind: str,
        name: str,
        *,
        cluster_name: str,
        network: Whereabouts,
        context: Context,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        super().__init__(kind, name, context, opts)
        self.cluster_name = cluster_name
        self.where = network

    @property
    def awaited_name(self) -> pulumi.Input[str]:
        """The name again, for what must wait until the cluster is there."""
        return self.cluster_name

    @property
    def zonal(self) -> bool:
        """Whether nodes are in more than one zone."""
        return len(self.where.zones) > 1

    @property
    def dataplane_egress(self) -> Sequence[tuple[str, int]]:
        """Where pods reach S3, whose addresses are public even through the VPC's endpoint, and databases in the VPC."""
        return (("0.0.0.0/0", 443), (self.where.cidr, POSTGRES_PORT))

    def admit(self, name: str, group: str, principals: Sequence[str], parent: pulumi.Resource) -> None:
        """Let IAM roles act as members of a Kubernetes group; a role has one entry in a cluster, so it can be in one stack's alone."""
        for arn in principals:
            member(self, name, self.awaited_name, arn, group, parent)

    @property
    def storage_egress(self) -> Sequence[tuple[str, int]]:
        """Where pods reach S3."""
        return (("0.0.0.0/0", 443),)

    def load_balancer(self, *, public: bool) -> LoadBalancer:
        """A Network Load Balancer, made by the cluster's own controller."""
        return by_cloud_provider(public=public)

    def bind_identity(
        self, name: str, namespace: pulumi.Input[str], service_account: str, grants: Sequence[Grant], parent: pulumi.Resource
    ) -> Binding:
        """Let pods of a service account use the granted buckets, through a role of their own."""
        identity = self.grant(name, namespace, service_account, grant_statements(grants, self.region), parent)
        return Binding(egress=(CREDENTIALS_ADDRESS,), depends_on=identity.ready)

    def grant(
        self, name: str, namespace: pulumi.Input[str], service_account: str, statements: Sequence[Statement], parent: pulumi.Resource
    ) -> Identity:
        """Give a service account a role with the statements."""
        account = ServiceAccount(self.cluster_name, namespace, service_account)
        opts = pulumi.ResourceOptions(parent=parent, provider=self.get_provider("aws:eks/cluster:Cluster"))
        return bind(name, account, statements, cluster_name=self.awaited_name, context=self.context, opts=opts)
