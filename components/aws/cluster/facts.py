"""What the AWS site knows of its cluster beyond the contract, whether this stack made it or others own it."""

from typing import Protocol

import pulumi

from components.aws.identity.pods import Identity
from components.contracts import Cluster


class AwsCluster(Cluster, Protocol):
    """An EKS cluster."""

    @property
    def security_group(self) -> pulumi.Output[str]:
        """The security group of all nodes and pods."""

    @property
    def secret_reader(self) -> Identity:
        """The identity of External Secrets; who owns a secret grants it the right to read."""
