"""Trust policies of roles."""

from components.aws.documents.statements import Statement, Text


def trust_service(service: str, account: str) -> Statement:
    """Let an AWS service assume the role, on behalf of this account only.

    Only for services that are documented to send aws:SourceAccount when they assume a role: VPC flow
    logs, RDS monitoring and rules of EventBridge. Sources: VPC user guide, "IAM role for publishing flow
    logs to CloudWatch Logs"; RDS user guide, "Preventing cross-service confused deputy problems";
    EventBridge user guide, "Cross-service confused deputy prevention".
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def trust_service_unconditionally(service: str) -> Statement:
    """Let an AWS service that is not documented to send a source account assume the role.

    CloudTrail's guide says that the role for CloudWatch Logs does not support aws:SourceArn and
    aws:SourceAccount; the guides of EC2, EKS, S3, AWS Backup, Firehose and ECR show their roles without a
    condition. The trust is still bound to the account: a role can be handed to a service only within it.
    Sources: CloudTrail user guide, "Role policy document for CloudTrail to use CloudWatch Logs for
    monitoring"; IAM user guide, "Grant a user permissions to pass a role to an AWS service".
    """
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
