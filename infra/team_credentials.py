"""Credentials of a team's stack, by the kind of site that its platform stands on."""

from components.aws.values import RoleArn
from components.onprem.cluster import ContextName
from components.spec import Spec


class TeamRole(Spec):
    """An IAM role, on AWS."""

    role: RoleArn
    """Role that the stack's providers assume, for AWS and for the cluster alike; one of the team's principals."""


class TeamContext(Spec):
    """A context of the platform's kubeconfig, on premises."""

    context: ContextName
    """Context whose user is in the team's group."""
