"""Facts of a cluster that the AWS site knows beyond the contract, whether this stack made it or others own it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import pulumi

from components.aws.cluster.control_plane import Reached
from components.aws.documents.statements import Statement
from components.aws.identity.pods import Identity
from components.contracts import Cluster

if TYPE_CHECKING:
    import pulumi_aws as aws


class AwsCluster(Cluster, Protocol):
    """An EKS cluster."""

    @property
    def reached(self) -> Reached:
        """How its API server is reached."""

    @property
    def security_group(self) -> pulumi.Output[str]:
        """The security group of all nodes and pods."""

    @property
    def secret_reader(self) -> Identity:
        """The identity of External Secrets; who owns a secret grants it the right to read."""

    @property
    def node_roles(self) -> Sequence["aws.iam.Role"]:
        """Roles of this stack that nodes pull images with; none where others own the nodes."""

    def grant(
        self, name: str, namespace: pulumi.Input[str], service_account: str, statements: Sequence[Statement], parent: pulumi.Resource
    ) -> Identity:
        """Give a service account a role `<name>-role` with the statements."""
