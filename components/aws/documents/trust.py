"""Who may assume a role."""

from components.aws.documents.statements import Statement, Text


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
