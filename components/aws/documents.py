"""IAM, key and bucket policies as pure functions from names and ARNs to statements."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi

Statement = Mapping[str, Any]
Document = pulumi.Input[str]
Text = pulumi.Input[str]

Access = Literal["read", "write"]

READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
WRITE_OBJECTS = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject")
USE_KEY = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def document(*statements: Statement) -> pulumi.Output[str]:
    """The statements as one policy document in JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def allow(actions: Sequence[str], resources: Sequence[Text], *, sid: str = "", condition: Mapping[str, Any] | None = None) -> Statement:
    """Allow actions on resources."""
    named = {"Sid": sid} if sid else {}
    conditional = {"Condition": condition} if condition else {}
    return {**named, "Effect": "Allow", "Action": list(actions), "Resource": list(resources), **conditional}


def trust_service(service: str, account: str) -> Statement:
    """Let an AWS service assume the role, on behalf of this account only."""
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def trust_service_unconditionally(service: str) -> Statement:
    """Let an AWS service that sends no source account (EC2, the EKS control plane) assume the role."""
    return {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}


def trust_pod(cluster: str, namespace: Text, service_account: str) -> Statement:
    """Let EKS Pod Identity assume the role for one service account of one cluster.

    The session tags in the condition are those EKS sets.
    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-name": cluster,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            }
        },
    }


def key_owner(account: str) -> Statement:
    """Let the account's IAM policies govern the key, so that it can never be locked out."""
    return {
        "Sid": "AccountGoverns",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def key_for_logs(account: str, region: str, log_group_pattern: str) -> Statement:
    """Let CloudWatch Logs of the region use the key for log groups of one name pattern."""
    return {
        "Sid": "Logs",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{region}.amazonaws.com"},
        "Action": list(USE_KEY),
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:{log_group_pattern}"}},
    }


def key_for_autoscaling(account: str) -> tuple[Statement, Statement]:
    """Let the account's Auto Scaling role start nodes whose disks are encrypted with the key.

    The role must exist, or the key is refused: EC2 makes it with an account's first Auto Scaling group, else
    `aws iam create-service-linked-role --aws-service-name autoscaling.amazonaws.com` does.
    Source: EC2 Auto Scaling user guide, "Required AWS KMS key policy for use with encrypted volumes".
    """
    role = f"arn:aws:iam::{account}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    common = {"Effect": "Allow", "Principal": {"AWS": role}, "Resource": "*"}
    return (
        {"Sid": "NodeDisks", **common, "Action": list(USE_KEY)},
        {
            "Sid": "NodeDiskGrants",
            **common,
            "Action": "kms:CreateGrant",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    )


def volumes_key_use(key: Text) -> tuple[Statement, Statement]:
    """What the EBS CSI driver needs to make and attach volumes encrypted with a key."""
    return (
        allow(USE_KEY, [key], sid="UseKey"),
        allow(["kms:CreateGrant"], [key], sid="GrantKey", condition={"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    )


def tls_only(bucket: Text) -> tuple[Statement, Statement]:
    """Refuse requests to a bucket that are not over TLS 1.2 or newer."""
    common = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [bucket, pulumi.Output.concat(bucket, "/*")],
    }
    return (
        {"Sid": "OnlyTls", **common, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "OnlyTls12", **common, "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}}},
    )


def takes_access_logs(bucket: Text, account: str, sources: str) -> Statement:
    """Let S3 deliver access logs of the account's buckets whose ARN matches `sources`."""
    return {
        "Sid": "AccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": pulumi.Output.concat(bucket, "/*"),
        "Condition": {"ArnLike": {"aws:SourceArn": sources}, "StringEquals": {"aws:SourceAccount": account}},
    }


def bucket_access(bucket: Text, key: Text, region: str, access: Access, prefix: str = "") -> tuple[Statement, ...]:
    """What a workload needs to read, or read and write, one bucket below a key prefix ("" is all of it)."""
    objects = pulumi.Output.concat(bucket, f"/{prefix}*")
    listed = {"StringLike": {"s3:prefix": f"{prefix}*"}} if prefix else None
    through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    writes = access == "write"
    listing = ["s3:ListBucket", "s3:ListBucketMultipartUploads"] if writes else ["s3:ListBucket"]
    return (
        allow(listing, [bucket], condition=listed),
        allow([*READ_OBJECTS, *WRITE_OBJECTS] if writes else READ_OBJECTS, [objects]),
        allow(["kms:Decrypt", "kms:GenerateDataKey"] if writes else ["kms:Decrypt"], [key], condition=through_s3),
    )


def secret_read(secret: Text, key: Text, region: str) -> tuple[Statement, Statement]:
    """What External Secrets needs to read one secret."""
    return (
        allow(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], [secret]),
        allow(["kms:Decrypt"], [key], condition={"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}),
    )


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


def untagged_expiry(days: int) -> str:
    """A lifecycle policy of an image repository: images without a tag go after some days."""
    rule = {
        "rulePriority": 1,
        "description": f"untagged images go after {days} days",
        "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]}, sort_keys=True)
