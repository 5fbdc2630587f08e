"""Policy statements of Karpenter: it starts and stops nodes of its own cluster, and looks.

Source: karpenter-provider-aws v1.14, "CloudFormation" reference, and the calls in pkg/aws/sdk.go of v1.14.1. Instance profiles are
made by the stack, so the rights to make them are left out: Karpenter's own profiles would outlive it and hold on to the node's role.
"""

from collections.abc import Sequence

from components.aws.documents.statements import Statement, Text, allow

OWNED = "kubernetes.io/cluster"
NODE_POOL = "karpenter.sh/nodepool"
CLUSTER_TAG = "eks:eks-cluster-name"
LOOKS = (
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
)
STARTS = ("ec2:CreateFleet", "ec2:RunInstances")
MADE = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
GIVEN = ("capacity-reservation", "placement-group", "security-group", "subnet")


def karpenter_statements(
    cluster: str, account: str, region: str, *, queue: Text, node_role: Text, key: Text, closed: bool, spot: bool
) -> tuple[Statement, ...]:
    """Rights of the controller. `closed` is a network in which IAM and prices cannot be asked: their endpoints are not in every region.

    `spot` is whether nodes are bought so, for which EC2 needs a role that it makes by the rights of whoever asks first.
    """
    asks = () if closed else (allow(["iam:ListInstanceProfiles", "pricing:GetProducts"], ["*"], sid="Ask"),)
    return (
        *_starting(cluster, account, region),
        *_changing(cluster, account, region),
        allow(LOOKS, ["*"], sid="Look", condition={"StringEquals": {"aws:RequestedRegion": region}}),
        allow(["ssm:GetParameter"], [f"arn:aws:ssm:{region}::parameter/aws/service/*"], sid="Images"),
        allow(["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], [queue], sid="Interruptions"),
        allow(["kms:Decrypt"], [key], sid="Messages", condition={"StringEquals": {"kms:ViaService": f"sqs.{region}.amazonaws.com"}}),
        allow(["iam:PassRole"], [node_role], sid="PassNodeRole", condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        allow(["eks:DescribeCluster"], [f"arn:aws:eks:{region}:{account}:cluster/{cluster}"], sid="Endpoint"),
        *_disks(key, region),
        *asks,
        *((spot_role(account),) if spot else ()),
    )


def spot_role(account: str) -> Statement:
    """Have EC2 make its role for spot instances, which an account lacks until it buys the first one.

    Without it a first request answers AuthFailure.ServiceLinkedRoleCreationNotPermitted, and no node comes.
    Sources: EC2 user guide, "Service-linked role for EC2 Spot Instances"; AWS managed policy AmazonEKSComputePolicy v7, the same
    statement for EKS Auto Mode.
    """
    role = f"arn:aws:iam::{account}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"
    only = {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}
    return allow(["iam:CreateServiceLinkedRole"], [role], sid="SpotRole", condition=only)


def _starting(cluster: str, account: str, region: str) -> tuple[Statement, ...]:
    """Start instances, from launch templates and with things that are tagged as this cluster's."""
    requested = {
        "StringEquals": {f"aws:RequestTag/{OWNED}/{cluster}": "owned", f"aws:RequestTag/{CLUSTER_TAG}": cluster},
        "StringLike": {f"aws:RequestTag/{NODE_POOL}": "*"},
    }
    creating = {
        **requested,
        "StringEquals": {**requested["StringEquals"], "ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"]},
    }
    public = [f"arn:aws:ec2:{region}::image/*", f"arn:aws:ec2:{region}::snapshot/*"]
    given = _arns(GIVEN, account, region)
    return (
        allow(STARTS, [*public, *given], sid="StartWith"),
        allow(STARTS, _arns(["launch-template"], account, region), sid="StartFrom", condition=_owned(cluster)),
        allow([*STARTS, "ec2:CreateLaunchTemplate"], _arns(MADE, account, region), sid="Start", condition=requested),
        allow(["ec2:CreateTags"], _arns(MADE, account, region), sid="TagAtStart", condition=creating),
    )


def _changing(cluster: str, account: str, region: str) -> tuple[Statement, ...]:
    """Tag and stop what is tagged as this cluster's."""
    tags = {
        **_owned(cluster),
        "StringEqualsIfExists": {f"aws:RequestTag/{CLUSTER_TAG}": cluster},
        "ForAllValues:StringEquals": {"aws:TagKeys": [CLUSTER_TAG, "karpenter.sh/nodeclaim", "Name"]},
    }
    own = _arns(["instance", "launch-template"], account, region)
    return (
        allow(["ec2:CreateTags"], _arns(["instance"], account, region), sid="Tag", condition=tags),
        allow(["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"], own, sid="Stop", condition=_owned(cluster)),
    )


def _disks(key: Text, region: str) -> tuple[Statement, ...]:
    """Have EC2 encrypt the nodes' disks with the cluster's key."""
    through = {"StringEquals": {"kms:ViaService": f"ec2.{region}.amazonaws.com"}}
    granting = {**through, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    use = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    return (
        allow(use, [key], sid="Disks", condition=through),
        allow(["kms:CreateGrant"], [key], sid="DiskGrants", condition=granting),
    )


def _owned(cluster: str) -> dict[str, dict[str, str]]:
    return {
        "StringEquals": {f"aws:ResourceTag/{OWNED}/{cluster}": "owned"},
        "StringLike": {f"aws:ResourceTag/{NODE_POOL}": "*"},
    }


def _arns(kinds: Sequence[str], account: str, region: str) -> list[str]:
    return [f"arn:aws:ec2:{region}:{account}:{kind}/*" for kind in kinds]


def interruption_queue(queue: Text, rules: Sequence[Text]) -> tuple[Statement, Statement]:
    """Let EventBridge rules send to the queue, and nobody without TLS."""
    sent: Statement = {
        "Sid": "Events",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(rules)}},
    }
    closed: Statement = {
        "Sid": "OnlyTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": queue,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return sent, closed
