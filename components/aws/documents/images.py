"""Policy statements of image registries: pulls, and the making of repositories for cached images."""

from collections.abc import Sequence

from components.aws.documents.statements import Statement, Text, allow

PULLS = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def accounts_pull(accounts: Sequence[str]) -> Statement:
    """Let other accounts pull from a repository, and nothing else; what of them may is theirs to say."""
    return {
        "Sid": "AccountsPull",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in accounts]},
        "Action": list(PULLS),
    }


def cache_pulls(account: str, region: str, prefixes: Sequence[str]) -> tuple[Statement, ...]:
    """What a node needs for the first pull of an image through the cache.

    Source: ECR user guide, "IAM permissions required to sync an upstream registry".
    """
    repositories = [f"arn:aws:ecr:{region}:{account}:repository/{prefix}/*" for prefix in prefixes]
    return (allow(["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"], repositories),)


def creates_repositories(account: str, region: str, key: Text) -> tuple[Statement, ...]:
    """What ECR needs to make repositories under a customer key, with tags.

    Source: ECR user guide, "Create a custom policy for repository creation templates"; narrowed to this registry and key.
    """
    return (
        allow(["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:TagResource"], [f"arn:aws:ecr:{region}:{account}:repository/*"]),
        allow(["kms:CreateGrant", "kms:DescribeKey", "kms:RetireGrant"], [key]),
    )
