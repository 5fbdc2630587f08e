"""Policies of VPC endpoints."""

from collections.abc import Sequence

from components.aws.documents.statements import Statement


def endpoint_for_account(account: str) -> Statement:
    """Let only principals of this account through a VPC endpoint."""
    return {
        "Sid": "OwnAccount",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": account}},
    }


def downloads(buckets: Sequence[str]) -> Statement:
    """Let anybody read objects of the buckets through a VPC endpoint: requests without credentials, and those that others signed.

    Registries answer a request for an image layer with the address of an object in S3: registry.k8s.io with a plain one, ECR
    with one that ECR itself signed. Neither request is a principal of this account.
    """
    return {
        "Sid": "Downloads",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": [f"arn:aws:s3:::{bucket}/*" for bucket in buckets],
    }
