"""The conformance pack of a machine-learning platform: AWS's own managed rules, chosen by what such a platform holds.

A pack does not make an account compliant; it says all the time whether what was built still is as it was built.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

RULES: Mapping[str, Sequence[str]] = {
    "cluster": ("EKS_CLUSTER_LOGGING_ENABLED", "EKS_ENDPOINT_NO_PUBLIC_ACCESS", "EKS_SECRETS_ENCRYPTED", "EC2_IMDSV2_CHECK"),
    "images": ("ECR_PRIVATE_IMAGE_SCANNING_ENABLED", "ECR_PRIVATE_LIFECYCLE_POLICY_CONFIGURED", "ECR_PRIVATE_TAG_IMMUTABILITY_ENABLED"),
    "data": (
        "ENCRYPTED_VOLUMES",
        "S3_BUCKET_LEVEL_PUBLIC_ACCESS_PROHIBITED",
        "S3_BUCKET_LOGGING_ENABLED",
        "S3_BUCKET_SSL_REQUESTS_ONLY",
        "S3_BUCKET_VERSIONING_ENABLED",
        "S3_VERSION_LIFECYCLE_POLICY_CHECK",
    ),
    "database": (
        "DB_INSTANCE_BACKUP_ENABLED",
        "RDS_INSTANCE_DELETION_PROTECTION_ENABLED",
        "RDS_INSTANCE_IAM_AUTHENTICATION_ENABLED",
        "RDS_INSTANCE_PUBLIC_ACCESS_CHECK",
        "RDS_LOGGING_ENABLED",
        "RDS_MULTI_AZ_SUPPORT",
        "RDS_SNAPSHOTS_PUBLIC_PROHIBITED",
        "RDS_STORAGE_ENCRYPTED",
    ),
    "keys": ("CMK_BACKING_KEY_ROTATION_ENABLED", "KMS_CMK_NOT_SCHEDULED_FOR_DELETION"),
    "network": ("SUBNET_AUTO_ASSIGN_PUBLIC_IP_DISABLED", "VPC_DEFAULT_SECURITY_GROUP_CLOSED", "VPC_FLOW_LOGS_ENABLED"),
    "identity": (
        "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
        "IAM_ROOT_ACCESS_KEY_CHECK",
        "IAM_USER_MFA_ENABLED",
        "IAM_USER_NO_POLICIES_CHECK",
        "ROOT_ACCOUNT_MFA_ENABLED",
    ),
    "audit": (
        "CLOUDTRAIL_S3_DATAEVENTS_ENABLED",
        "CLOUDWATCH_LOG_GROUP_ENCRYPTED",
        "CLOUD_TRAIL_ENCRYPTION_ENABLED",
        "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED",
        "CW_LOGGROUP_RETENTION_PERIOD_CHECK",
        "GUARDDUTY_ENABLED_CENTRALIZED",
        "MULTI_REGION_CLOUD_TRAIL_ENABLED",
    ),
    "notebooks": ("SAGEMAKER_NOTEBOOK_INSTANCE_KMS_KEY_CONFIGURED", "SAGEMAKER_NOTEBOOK_NO_DIRECT_INTERNET_ACCESS"),
}
"""Identifiers of managed rules by concern.

Source: awslabs/aws-config-rules@b54d4a6c:aws-config-conformance-packs, where AWS's own packs name each of them.
"""


PREFIX = "groundwork-"
"""Beginning of the names of all rules of the pack, by which their changes are told from those of others' rules.

AWS Config adds `-conformance-pack-` and an id to the name that the template states. Source: AWS Config
developer guide, "Conformance Packs", viewing rules of a pack.
"""


def pack(leave_out: Sequence[str] = ()) -> str:
    """The template of the pack, without the rules of some concerns: JSON, which is the YAML that AWS Config takes."""
    wanted = [identifier for concern, identifiers in RULES.items() if concern not in leave_out for identifier in identifiers]
    return json.dumps({"Resources": {_logical(identifier): _rule(identifier) for identifier in wanted}}, sort_keys=True)


def _rule(identifier: str) -> dict[str, Any]:
    name = PREFIX + identifier.lower().replace("_", "-")
    source = {"Owner": "AWS", "SourceIdentifier": identifier}
    return {"Type": "AWS::Config::ConfigRule", "Properties": {"ConfigRuleName": name, "Source": source}}


def _logical(identifier: str) -> str:
    return identifier.title().replace("_", "")
