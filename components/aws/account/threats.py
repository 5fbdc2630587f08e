"""GuardDuty over audit logs, running nodes and pods, disks and buckets."""

from typing import TYPE_CHECKING, Any, Literal

import pulumi

from components.aws.base import AwsComponent
from components.contracts import Context
from components.lazy import lazy
from components.spec import Many, Spec

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

Feature = Literal["cluster-audit", "runtime", "malware", "buckets", "database-logins"]

FEATURES = {
    "cluster-audit": "EKS_AUDIT_LOGS",
    "runtime": "RUNTIME_MONITORING",
    "malware": "EBS_MALWARE_PROTECTION",
    "buckets": "S3_DATA_EVENTS",
    "database-logins": "RDS_LOGIN_EVENTS",
}
"""Name of the detector feature; RUNTIME_MONITORING holds EKS_RUNTIME_MONITORING. Source: botocore, guardduty, shape DetectorFeature."""

AGENTS = ("EKS_ADDON_MANAGEMENT", "EC2_AGENT_MANAGEMENT", "ECS_FARGATE_AGENT_MANAGEMENT")
"""Who installs the runtime agent where. Source: botocore, guardduty, shape FeatureAdditionalConfiguration."""

MANAGED = frozenset({"EKS_ADDON_MANAGEMENT"})
"""GuardDuty keeps its agent on EKS as an add-on; nodes of a cluster need no second agent for EC2."""

AGENT = "aws-guardduty-agent"
"""Name of that add-on, which GuardDuty installs on every cluster of the account and region: a pod on each node, beside the stack."""

FREQUENCIES = {"15m": "FIFTEEN_MINUTES", "1h": "ONE_HOUR", "6h": "SIX_HOURS"}


class ThreatsArgs(Spec):
    """A GuardDuty detector for the site's region, and for that of `recovery`."""

    watch: Many[Feature] = ("cluster-audit", "runtime", "malware", "buckets", "database-logins")
    """What is watched beside CloudTrail, DNS and flow logs; the others are switched off."""
    publish: Literal["15m", "1h", "6h"] = "15m"
    """How often findings that recur are told again."""


def agents(feature: Feature) -> Any:
    """Which agents GuardDuty manages, for the one feature that has agents."""
    if feature != "runtime":
        return None
    return [{"name": agent, "status": "ENABLED" if agent in MANAGED else "DISABLED"} for agent in AGENTS]


class ThreatDetection(AwsComponent):
    """The detector and each of its features, on or off: GuardDuty leaves a feature as it was when nothing is said of it."""

    def __init__(self, name: str, args: ThreatsArgs, *, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ThreatDetection", name, context, opts)
        detector = aws.guardduty.Detector(
            f"{name}-detector",
            enable=True,
            finding_publishing_frequency=FREQUENCIES[args.publish],
            tags=self.tags("threats"),
            opts=self.child(),
        )
        for feature, spelled in FEATURES.items():
            aws.guardduty.DetectorFeature(
                f"{name}-{feature}",
                detector_id=detector.id,
                name=spelled,
                status="ENABLED" if feature in args.watch else "DISABLED",
                additional_configurations=agents(feature),  # type: ignore[arg-type]
                opts=self.child(),
            )
        self.register_outputs({"detector": detector.id})
