"""Images of other registries, kept in the account's own from the first pull on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import pulumi
from pydantic import Field

from components.aws.base import AwsComponent, ServiceRole
from components.aws.documents.images import cache_pulls, creates_repositories
from components.aws.documents.statements import document
from components.aws.documents.stores import untagged_expiry
from components.aws.documents.trust import trust_service_unconditionally
from components.contracts import Context
from components.lazy import lazy
from components.spec import Problem, Spec, rule

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

CachePrefix = Annotated[str, Field(min_length=2, max_length=30, pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")]
"""Source: ECR API reference, PullThroughCacheRule."""
CredentialArn = Annotated[
    str, Field(max_length=612, pattern=r"^arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:ecr-pullthroughcache/[A-Za-z0-9_/+=.@-]+$")
]
OPEN = ("public.ecr.aws", "quay.io", "registry.k8s.io")
"""Registries that ECR reads without credentials. Source: ECR user guide, "Sync an upstream registry"."""
Upstream = Literal["public.ecr.aws", "quay.io", "registry.k8s.io", "registry-1.docker.io", "ghcr.io", "registry.gitlab.com", "cgr.dev"]


class UpstreamArgs(Spec):
    """A registry whose images are cached below one prefix."""

    upstream: Upstream
    """Host of the registry; registry-1.docker.io is Docker Hub."""
    credentials: CredentialArn | None = None
    """Secret with user name and access token, whose name begins with ecr-pullthroughcache/. Registries but the open ones need it."""

    @rule("upstream", "credentials")
    def _credentials_where_needed(self) -> Iterator[Problem]:
        if self.upstream not in OPEN and not self.credentials:
            text = f"is missing, and {self.upstream} answers nobody without: keep them in Secrets Manager and name the ARN"
            yield Problem(("credentials",), text)
        if self.upstream in OPEN and self.credentials:
            yield Problem(("credentials",), f"is not read by {self.upstream}: remove it")


class ImageCache(AwsComponent):
    """Pull-through rules, and what the repositories that they make are like: immutable, under the registry's key, kept tidy."""

    def __init__(
        self,
        name: str,
        upstreams: Mapping[str, UpstreamArgs],
        *,
        key: "aws.kms.Key",
        untagged_after: int,
        nodes: Sequence["aws.iam.Role"],
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("ImageCache", name, context, opts)
        maker = self._maker(key)
        for prefix, upstream in upstreams.items():
            self._upstream(prefix, upstream, maker, key, untagged_after)
        rights = document(*cache_pulls(self.account, self.region, list(upstreams)))
        for index, role in enumerate(nodes):
            aws.iam.RolePolicy(
                f"{name}-pulls-{index}" if index else f"{name}-pulls",
                name=context.naming.name("image-cache", limit=128),
                role=role.name,
                policy=rights,
                opts=self.child(),
            )
        self.register_outputs({"upstreams": {prefix: upstream.upstream for prefix, upstream in upstreams.items()}})

    def _maker(self, key: "aws.kms.Key") -> ServiceRole:
        """The role by which ECR makes a repository under a customer key."""
        trust = document(trust_service_unconditionally("ecr.amazonaws.com"))
        return self.role("maker", trust, inline=document(*creates_repositories(self.account, self.region, key.arn)))

    def _upstream(self, prefix: str, args: UpstreamArgs, maker: ServiceRole, key: "aws.kms.Key", untagged_after: int) -> None:
        template = aws.ecr.RepositoryCreationTemplate(
            f"{self.prefix}-{prefix}-template",
            prefix=prefix,
            applied_fors=["PULL_THROUGH_CACHE"],
            description=f"Images of {args.upstream}",
            image_tag_mutability="IMMUTABLE",
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
            lifecycle_policy=untagged_expiry(untagged_after),
            custom_role_arn=maker.role.arn,
            resource_tags=self.tags(prefix),
            opts=self.child(*maker.ready),
        )
        aws.ecr.PullThroughCacheRule(
            f"{self.prefix}-{prefix}",
            ecr_repository_prefix=prefix,
            upstream_registry_url=args.upstream,
            credential_arn=args.credentials,
            opts=self.child(template),
        )
