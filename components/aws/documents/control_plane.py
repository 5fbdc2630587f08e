"""Policy statements of a cluster's control plane, beside AWS's own policies for it."""

from components.aws.documents.statements import Statement, allow

CLUSTER = {"StringEquals": {"aws:RequestTag/eks:eks-cluster-name": "${aws:PrincipalTag/eks:eks-cluster-name}"}}


def trust_control_plane(*, auto: bool) -> Statement:
    """Let EKS assume the role; in Auto Mode it tags its sessions with the cluster's name."""
    actions = ["sts:AssumeRole", "sts:TagSession"] if auto else "sts:AssumeRole"
    return {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": actions}


def auto_mode_tagging() -> tuple[Statement, ...]:
    """Let Auto Mode put the stack's own tags on what it makes for this cluster.

    Source: EKS user guide, "Learn about identity and access in EKS Auto Mode", custom AWS tags.
    """
    pools = {
        **CLUSTER,
        "StringLike": {"aws:RequestTag/eks:kubernetes-node-class-name": "*", "aws:RequestTag/eks:kubernetes-node-pool-name": "*"},
    }
    interfaces = {**CLUSTER, "StringLike": {"aws:RequestTag/eks:kubernetes-cni-node-name": "*"}}
    volumes = ["arn:aws:ec2:*:*:snapshot/*", "arn:aws:ec2:*:*:volume/*"]
    return (
        allow(["ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"], ["*"], sid="TagNodes", condition=pools),
        allow(["ec2:CreateSnapshot", "ec2:CreateVolume"], volumes, sid="TagVolumes", condition=CLUSTER),
        allow(["ec2:CreateNetworkInterface"], ["*"], sid="TagInterfaces", condition=interfaces),
    )
