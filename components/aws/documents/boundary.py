"""The ceiling of every role: what no role of the stack can do, whatever its own policies say."""

from collections.abc import Sequence

from components.aws.documents.statements import Statement, allow

SERVICES = (
    "acm",
    "athena",
    "autoscaling",
    "backup",
    "bedrock",
    "cloudtrail",
    "cloudwatch",
    "cognito-idp",
    "config",
    "dynamodb",
    "ec2",
    "ecr",
    "eks",
    "eks-auth",
    "elasticfilesystem",
    "elasticloadbalancing",
    "events",
    "firehose",
    "fsx",
    "glue",
    "guardduty",
    "kinesis",
    "kms",
    "lakeformation",
    "lambda",
    "logs",
    "rds",
    "rds-db",
    "s3",
    "scheduler",
    "secretsmanager",
    "servicequotas",
    "shield",
    "sns",
    "sqs",
    "ssm",
    "ssmmessages",
    "states",
    "tag",
    "wafv2",
    "xray",
)
"""Services that a role of the platform may use at all, in the stack's regions."""
ESCALATIONS = (
    "iam:AddUserToGroup",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
)
"""Ways by which a role could give itself, or another, more than it has."""
TRACES = (
    "cloudtrail:DeleteTrail",
    "cloudtrail:StopLogging",
    "cloudtrail:UpdateTrail",
    "config:DeleteConfigurationRecorder",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "guardduty:UpdateDetector",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup",
    "s3:DeleteBucketPolicy",
    "s3:PutBucketPolicy",
)
"""What would hide a deed or lock the owner out; the stack changes these with the deployer's own role."""
LINKED_SERVICES = ("autoscaling.amazonaws.com", "eks*.amazonaws.com", "elasticloadbalancing.amazonaws.com", "spot.amazonaws.com")


def boundary(account: str, regions: Sequence[str], roles: str) -> tuple[Statement, ...]:
    """The statements of a permissions boundary; `roles` is the ARN pattern of the stack's own roles.

    A boundary grants nothing: a role may do what both its own policies and the boundary allow.
    """
    return (
        allow(
            [f"{service}:*" for service in SERVICES],
            ["*"],
            sid="OwnRegions",
            condition={"StringEquals": {"aws:RequestedRegion": list(regions)}},
        ),
        *_global(account, roles),
        *_denials(),
    )


def _global(account: str, roles: str) -> tuple[Statement, ...]:
    """What has no region: reading IAM, handing on the stack's own roles, and who one is."""
    linked = {"StringLike": {"iam:AWSServiceName": list(LINKED_SERVICES)}}
    profiles = ("AddRoleToInstanceProfile", "CreateInstanceProfile", "DeleteInstanceProfile", "RemoveRoleFromInstanceProfile")
    return (
        allow(["iam:Get*", "iam:List*", "pricing:Get*", "sts:GetCallerIdentity"], ["*"], sid="Looks"),
        allow(["iam:PassRole"], [roles], sid="OwnRoles"),
        allow(
            [f"iam:{action}" for action in (*profiles, "TagInstanceProfile")],
            [f"arn:aws:iam::{account}:instance-profile/*"],
            sid="InstanceProfiles",
        ),
        allow(["iam:CreateServiceLinkedRole"], [f"arn:aws:iam::{account}:role/aws-service-role/*"], sid="LinkedRoles", condition=linked),
    )


def _denials() -> tuple[Statement, ...]:
    """What stays refused even where a resource's own policy would allow it."""

    def deny(sid: str, actions: Sequence[str], **condition: object) -> Statement:
        conditional = {"Condition": condition} if condition else {}
        return {"Sid": sid, "Effect": "Deny", "Action": list(actions), "Resource": "*", **conditional}

    return (
        deny("NoEscalation", ESCALATIONS),
        deny("TracesStay", TRACES),
        deny("ObjectsUnderKeys", ["s3:PutObject"], StringEquals={"s3:x-amz-server-side-encryption": "AES256"}),
        deny("DisksEncrypted", ["ec2:CreateVolume"], Bool={"ec2:Encrypted": "false"}),
        deny("DatabasesEncrypted", ["rds:CreateDBInstance"], Bool={"rds:StorageEncrypted": "false"}),
    )
