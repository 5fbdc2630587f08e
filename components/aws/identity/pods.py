"""Pod identities on AWS: one role per service account, through EKS Pod Identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.aws.documents.statements import Statement, document
from components.aws.documents.stores import bucket_access
from components.aws.documents.trust import trust_pod
from components.aws.identity.limits import limits_of
from components.aws.storage.bucket import Bucket
from components.aws.storage.given import GivenBucket
from components.contracts import Context, Grant
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

CREDENTIALS_ADDRESS = ("169.254.170.23/32", 80)
"""Where pods fetch credentials. Source: EKS user guide, "Learn how EKS Pod Identity grants pods access"."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A Kubernetes service account of a cluster on AWS."""

    cluster: str
    namespace: pulumi.Input[str]
    name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The role of a service account, and what its pods must start after."""

    role: "aws.iam.Role"
    ready: tuple[pulumi.Resource, ...]


def grant_statements(grants: Sequence[Grant], region: str) -> tuple[Statement, ...]:
    """The least that the grants need. Raises TypeError for a store that is not a bucket of this site."""
    return tuple(statement for grant in grants for statement in _statements(grant, region))


def _statements(grant: Grant, region: str) -> tuple[Statement, ...]:
    if not isinstance(grant.store, Bucket | GivenBucket) or grant.store.encryption_key is None:
        raise TypeError(f"{grant.store!r} is not a workload bucket of this AWS site")
    return bucket_access(grant.store.arn, grant.store.encryption_key.arn, region, grant.access, grant.prefix)


def bind(
    name: str,
    account: ServiceAccount,
    statements: Sequence[Statement],
    *,
    cluster_name: pulumi.Input[str],
    context: Context,
    opts: pulumi.ResourceOptions,
) -> Identity:
    """Make role, policy and association for a service account; pods get credentials only if they start after these.

    `cluster_name` is the cluster's output, so that the association waits for the cluster.
    """
    physical = context.naming.name(f"pod-{name}", limit=64)
    tags = context.labels.aws(name)
    given = [statements] if statements else []
    role = aws.iam.Role(
        f"{name}-role",
        name=physical,
        assume_role_policy=document(trust_pod(account.cluster, account.namespace, account.name)),
        tags=tags,
        opts=opts,
        **limits_of(context).arguments,
    )
    access = [
        aws.iam.RolePolicy(f"{name}-access", name=physical, role=role.name, policy=document(*granted), opts=opts) for granted in given
    ]
    association = aws.eks.PodIdentityAssociation(
        f"{name}-identity",
        cluster_name=cluster_name,
        namespace=account.namespace,
        service_account=account.name,
        role_arn=role.arn,
        tags=tags,
        opts=opts,
    )
    return Identity(role, (*access, association))
