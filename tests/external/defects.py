"""Defects to plant in what the components registered, each with the Checkov id that must notice it."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from graph.model import Graph, Resource

REMOVED = object()


def _policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


ANYONE = _policy(Principal="*", Action="kms:*", Resource="*")
ALL_POWER = _policy(Action="*", Resource="*")
ANYONE_ASSUMES = _policy(Principal={"AWS": "*"}, Action="sts:AssumeRole")
ACCOUNT_ASSUMES = _policy(Principal={"AWS": "arn:aws:iam::444455556666:root"}, Action="sts:AssumeRole")
OPEN_BUCKET = _policy(Principal="*", Action="s3:GetObject", Resource="arn:aws:s3:::x/*")
CONTAINER = "spec.template.spec.containers.0"
POD = "spec.template.spec"


@dataclass(frozen=True)
class Defect:
    """`path` of the first resource of `token` that has it gets `value`; without a path the resources of the type vanish."""

    check: str
    token: str
    path: str = ""
    value: Any = REMOVED

    def plant(self, graph: Graph) -> tuple[Graph, Resource | None]:
        """The graph with the defect, and the resource that has it (None where all vanished)."""
        if not self.path:
            return replace(graph, resources=tuple(r for r in graph if r.type != self.token)), None
        target = self._places(graph)[0]
        spoiled = replace(target, inputs=self._changed(target))
        return replace(graph, resources=tuple(spoiled if r.urn == target.urn else r for r in graph)), spoiled

    def fits(self, graph: Graph) -> bool:
        """Whether there is a place for it."""
        return bool(self._places(graph))

    def _places(self, graph: Graph) -> list[Resource]:
        return [r for r in graph.of_type(self.token) if not self.path or self._changed(r) != r.inputs]

    def _changed(self, resource: Resource) -> dict[str, Any]:
        inputs = copy.deepcopy(dict(resource.inputs))
        *way, last = [int(part) if part.isdigit() else part for part in self.path.split(".")]
        place: Any = inputs
        for part in way:
            try:
                place = place[part]
            except (KeyError, IndexError):
                return inputs
        if self.value is REMOVED:
            place.pop(last, None)
        else:
            place[last] = self.value
        return inputs


def _aws(module: str, class_name: str) -> Callable[..., Defect]:
    token = f"aws:{module}/{class_name[0].lower()}{class_name[1:]}:{class_name}"
    return lambda check, path="", value=REMOVED: Defect(check, token, path, value)


def _workload(check: str, path: str, value: Any = REMOVED) -> Defect:
    return Defect(check, "kubernetes:apps/v1:Deployment", path, value)


_cluster, _nodes = _aws("eks", "Cluster"), _aws("eks", "NodeGroup")
_bucket_policy, _public = _aws("s3", "BucketPolicy"), _aws("s3", "BucketPublicAccessBlock")
_key, _repository, _database = _aws("kms", "Key"), _aws("ecr", "Repository"), _aws("rds", "Instance")
_logs, _template, _role = _aws("cloudwatch", "LogGroup"), _aws("ec2", "LaunchTemplate"), _aws("iam", "Role")
_ENCRYPTION = _aws("s3", "BucketServerSideEncryptionConfiguration")

DEFECTS: tuple[Defect, ...] = (
    _cluster("CKV_AWS_37", "enabledClusterLogTypes", ["api"]),
    _cluster("CKV_AWS_38", "vpcConfig", {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}),
    _cluster("CKV_AWS_39", "vpcConfig.endpointPublicAccess", True),
    _cluster("CKV_AWS_58", "encryptionConfig"),
    _cluster("CKV_AWS_339", "version", "1.22"),
    _nodes("CKV_AWS_100", "remoteAccess", {"ec2SshKey": "everyone"}),
    _template("CKV_AWS_79", "metadataOptions.httpTokens", "optional"),
    _template("CKV_AWS_341", "metadataOptions.httpPutResponseHopLimit", 3),
    _public("CKV_AWS_53", "blockPublicAcls", False),
    _public("CKV_AWS_54", "blockPublicPolicy", False),
    _public("CKV_AWS_55", "ignorePublicAcls", False),
    _public("CKV_AWS_56", "restrictPublicBuckets", False),
    _public("CKV2_AWS_6"),
    _aws("s3", "BucketVersioning")("CKV_AWS_21"),
    _aws("s3", "BucketLifecycleConfiguration")("CKV2_AWS_61"),
    _ENCRYPTION("CKV_AWS_145", "rules.0.applyServerSideEncryptionByDefault", {"sseAlgorithm": "AES256"}),
    _bucket_policy("CKV_AWS_70", "policy", OPEN_BUCKET),
    _key("CKV_AWS_7", "enableKeyRotation", False),
    _key("CKV_AWS_33", "policy", ANYONE),
    _key("CKV_AWS_227", "isEnabled", False),
    _repository("CKV_AWS_51", "imageTagMutability", "MUTABLE"),
    _repository("CKV_AWS_136", "encryptionConfigurations"),
    _repository("CKV_AWS_163", "imageScanningConfiguration.scanOnPush", False),
    _aws("ec2", "FlowLog")("CKV2_AWS_11"),
    _aws("ec2", "DefaultSecurityGroup")("CKV2_AWS_12"),
    _aws("ec2", "Subnet")("CKV_AWS_130", "mapPublicIpOnLaunch", True),
    _database("CKV_AWS_16", "storageEncrypted", False),
    _database("CKV_AWS_17", "publiclyAccessible", True),
    _database("CKV_AWS_118", "monitoringInterval", 0),
    _database("CKV_AWS_129", "enabledCloudwatchLogsExports"),
    _database("CKV_AWS_133", "backupRetentionPeriod", 0),
    _database("CKV_AWS_157", "multiAz", False),
    _database("CKV_AWS_161", "iamDatabaseAuthenticationEnabled", False),
    _database("CKV_AWS_226", "autoMinorVersionUpgrade", False),
    _database("CKV_AWS_293", "deletionProtection", False),
    _database("CKV_AWS_353", "performanceInsightsEnabled", False),
    _database("CKV2_AWS_60", "copyTagsToSnapshot", False),
    _logs("CKV_AWS_66", "retentionInDays"),
    _logs("CKV_AWS_158", "kmsKeyId"),
    _logs("CKV_AWS_338", "retentionInDays", 30),
    _role("CKV_AWS_60", "assumeRolePolicy", ANYONE_ASSUMES),
    _role("CKV_AWS_61", "assumeRolePolicy", ACCOUNT_ASSUMES),
    _aws("iam", "RolePolicy")("CKV_AWS_62", "policy", ALL_POWER),
    _workload("CKV_K8S_8", f"{CONTAINER}.livenessProbe"),
    _workload("CKV_K8S_9", f"{CONTAINER}.readinessProbe"),
    _workload("CKV_K8S_10", f"{CONTAINER}.resources.requests.cpu"),
    _workload("CKV_K8S_12", f"{CONTAINER}.resources.requests.memory"),
    _workload("CKV_K8S_13", f"{CONTAINER}.resources.limits.memory"),
    _workload("CKV_K8S_14", f"{CONTAINER}.image", "vllm/vllm-openai:latest"),
    _workload("CKV_K8S_16", f"{CONTAINER}.securityContext.privileged", True),
    _workload("CKV_K8S_17", f"{POD}.hostPID", True),
    _workload("CKV_K8S_19", f"{POD}.hostNetwork", True),
    _workload("CKV_K8S_20", f"{CONTAINER}.securityContext.allowPrivilegeEscalation", True),
    _workload("CKV_K8S_22", f"{CONTAINER}.securityContext.readOnlyRootFilesystem", False),
    _workload("CKV_K8S_28", f"{CONTAINER}.securityContext.capabilities"),
    _workload("CKV_K8S_43", f"{CONTAINER}.image", "vllm/vllm-openai:v0.11.0"),
)
