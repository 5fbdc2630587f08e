"""What a VPC endpoint lets through."""

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


def image_layers(region: str) -> Statement:
    """Let image layers of ECR be fetched from the bucket in which ECR keeps them.

    Source: ECR user guide, "Minimum Amazon S3 bucket permissions for Amazon ECR".
    """
    return {
        "Sid": "ImageLayers",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*",
    }
