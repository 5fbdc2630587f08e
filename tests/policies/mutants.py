"""One planted defect a rule: how a sound stack becomes one that the rule must fail."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from graph.model import Graph, Options, Resource

CUT = object()
"""Instead of a value: remove what stands at the path."""


def planted(inputs: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of inputs with one place changed; numbers in the path are list positions."""
    result = copy.deepcopy(inputs)
    *way, last = [int(part) if part.isdigit() else part.replace("\0", "/") for part in path.split("/")]
    place: Any = result
    for part in way:
        place = place[part]
    if value is CUT:
        del place[last]
    else:
        place[last] = value
    return result


@dataclass(frozen=True)
class Defect:
    """What to change on the first resource of a type, and which type the rule then blames."""

    token: str
    path: str = ""
    value: Any = None
    blamed: str = ""
    drop: bool = False
    unlink: str = ""
    where: Callable[[Resource], bool] = lambda resource: True
    options: Options | None = None
    edit: Callable[[Resource], Resource] = lambda resource: resource
    twin: bool = False
    without: str = ""
    alone: bool = False
    """Whether the others of its kind go."""

    def plant(self, graph: Graph) -> Graph:
        victims = [r for r in graph.of_type(self.token) if self.where(r)]
        assert victims, f"no {self.token} to break"
        victim = victims[0]
        if self.drop:
            return replace(graph, resources=tuple(r for r in graph if r.urn != victim.urn))
        if self.without:
            return replace(graph, resources=tuple(r for r in graph if r.type != self.without))
        if self.twin:
            return replace(graph, resources=(*graph.resources, replace(victim, urn=f"{victim.urn}-twin", name=f"{victim.name}-twin")))
        if self.alone:
            others = {r.urn for r in victims[1:]}
            return replace(graph, resources=tuple(r for r in graph if r.urn not in others))
        changed = self.edit(victim)
        changed = replace(changed, inputs=planted(dict(changed.inputs), self.path, self.value)) if self.path else changed
        if self.unlink:
            kept = {k: v for k, v in changed.property_dependencies.items() if k != self.unlink}
            changed = replace(changed, property_dependencies=kept)
        if self.options is not None:
            changed = replace(changed, options=self.options)
        return replace(graph, resources=tuple(changed if r.urn == victim.urn else r for r in graph))


BUCKET, CLUSTER, DATABASE = "aws:s3/bucket:Bucket", "aws:eks/cluster:Cluster", "aws:rds/instance:Instance"
TEMPLATE, GROUP, KEY = "aws:ec2/launchTemplate:LaunchTemplate", "aws:eks/nodeGroup:NodeGroup", "aws:kms/key:Key"
DEPLOYMENT, VPC, REPOSITORY = "kubernetes:apps/v1:Deployment", "aws:ec2/vpc:Vpc", "aws:ecr/repository:Repository"
NETWORK_POLICY, ATTACHMENT = "kubernetes:networking.k8s.io/v1:NetworkPolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TRAIL, DETECTOR, TOPIC = "aws:cloudtrail/trail:Trail", "aws:guardduty/detector:Detector", "aws:sns/topic:Topic"
ACCOUNT, BUDGET = "pulumi:providers:aws", "aws:budgets/budget:Budget"
STREAM, ALARM = "aws:kinesis/stream:Stream", "aws:cloudwatch/metricAlarm:MetricAlarm"
DELIVERY = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
EFS = "aws:efs/fileSystem:FileSystem"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
ROLLOUT, ROUTE = "kubernetes:argoproj.io/v1alpha1:Rollout", "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
POD = "spec/template/spec"
CONTAINER = f"{POD}/containers/0"
ANYBODY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]})
EVERYTHING = json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
LINKED = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
LINKED_ROLE = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": LINKED}, "Action": "kms:Decrypt", "Resource": "*"}]})
WRITES = json.dumps({"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::models/*"}]})
NO_TAGS = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]})


def gpu(resource: Resource) -> bool:
    return "nvidia.com/gpu" in json.dumps(resource.inputs, default=str)


def without_keys(config: Resource) -> Resource:
    links = {name: tuple(urn for urn in urns if KEY not in urn) for name, urns in config.property_dependencies.items()}
    return replace(config, property_dependencies=links)


def access_logs(resource: Resource) -> bool:
    return "access-logs" in resource.name


def data(resource: Resource) -> bool:
    return not access_logs(resource)


DEFECTS: dict[str, Defect] = {
    "bucket-customer-key": Defect(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "rules/0/applyServerSideEncryptionByDefault/sseAlgorithm",
        "AES256",
        BUCKET,
        where=data,
    ),
    "volume-customer-key": Defect(TEMPLATE, "blockDeviceMappings/0/ebs/encrypted", "false"),
    "cluster-secrets-key": Defect(CLUSTER, "encryptionConfig", CUT, unlink="encryptionConfig"),
    "log-group-key": Defect("aws:cloudwatch/logGroup:LogGroup", "kmsKeyId", CUT, unlink="kmsKeyId"),
    "database-customer-key": Defect(DATABASE, "kmsKeyId", CUT, unlink="kmsKeyId"),
    "insights-key": Defect(DATABASE, "performanceInsightsKmsKeyId", CUT, unlink="performanceInsightsKmsKeyId"),
    "database-encrypted": Defect(DATABASE, "storageEncrypted", False),
    "repository-key": Defect(REPOSITORY, "encryptionConfigurations/0/encryptionType", "AES256"),
    "file-system-key": Defect(EFS, "encrypted", False),
    "key-rotation": Defect(KEY, "enableKeyRotation", False),
    "storage-class-encrypted": Defect("kubernetes:storage.k8s.io/v1:StorageClass", "parameters/encrypted", "false"),
    "bucket-public-access": Defect("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicPolicy", False, BUCKET),
    "bucket-tls-only": Defect("aws:s3/bucketPolicy:BucketPolicy", blamed=BUCKET, drop=True),
    "file-system-tls-only": Defect("aws:efs/fileSystemPolicy:FileSystemPolicy", blamed=EFS, drop=True),
    "no-world-ingress": Defect("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4", "0.0.0.0/0"),
    "default-group-closed": Defect("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", blamed=VPC, drop=True),
    "cluster-endpoint": Defect(CLUSTER, "vpcConfig/endpointPublicAccess", True),
    "database-private": Defect(DATABASE, "publiclyAccessible", True),
    "subnet-private": Defect("aws:ec2/subnet:Subnet", "mapPublicIpOnLaunch", True),
    "node-private": Defect(TEMPLATE, "networkInterfaces/0/associatePublicIpAddress", "true"),
    "service-internal": Defect("kubernetes:core/v1:Service", "spec/type", "LoadBalancer"),
    "least-privilege": Defect("aws:iam/rolePolicy:RolePolicy", "policy", EVERYTHING),
    "no-administrator": Defect(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn", "arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "role-boundary": Defect("aws:iam/role:Role", "permissionsBoundary", CUT, unlink="permissionsBoundary"),
    "trust-policy": Defect("aws:iam/role:Role", "assumeRolePolicy", NO_TAGS),
    "key-policy": Defect(KEY, "policy", ANYBODY),
    "principal-exists": Defect(KEY, "policy", LINKED_ROLE),
    "imdsv2": Defect(TEMPLATE, "metadataOptions/httpTokens", "optional"),
    "cluster-access-scope": Defect(
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "accessScope", {"type": "cluster"}, where=lambda a: "team" in a.name
    ),
    "cluster-access-mode": Defect(CLUSTER, "accessConfig/authenticationMode", "API_AND_CONFIG_MAP"),
    "database-managed-password": Defect(DATABASE, "manageMasterUserPassword", CUT),
    "cluster-logs": Defect(CLUSTER, "enabledClusterLogTypes", ["api"]),
    "flow-logs": Defect("aws:ec2/flowLog:FlowLog", "trafficType", "REJECT", VPC),
    "log-retention": Defect("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 30),
    "bucket-access-logs": Defect("aws:s3/bucketLogging:BucketLogging", blamed=BUCKET, drop=True),
    "database-logs": Defect(DATABASE, "enabledCloudwatchLogsExports", CUT),
    "ownership-tags": Defect(VPC, "tags/groundwork:owner", CUT),
    "ownership-labels": Defect("kubernetes:core/v1:Service", "metadata/labels/groundwork.dev\0owner", CUT),
    "database-two-zones": Defect(DATABASE, "multiAz", False),
    "serving-not-only-spot": Defect(GROUP, "capacityType", "SPOT", ROLLOUT, where=lambda g: "serving" in g.name),
    "system-zones": Defect(GROUP, alone=True, where=lambda g: "system" in g.name),
    "nat-per-zone": Defect("aws:ec2/natGateway:NatGateway", blamed=VPC, drop=True),
    "pod-disruption-budget": Defect(
        "kubernetes:policy/v1:PodDisruptionBudget", "spec/maxUnavailable", 0, DEPLOYMENT, where=lambda b: b.name == "tracking-budget"
    ),
    "one-autoscaler": Defect("kubernetes:keda.sh/v1alpha1:ScaledObject", blamed=ROLLOUT, twin=True),
    "production-replicas": Defect("kubernetes:keda.sh/v1alpha1:ScaledObject", "spec/minReplicaCount", 1),
    "database-backups": Defect(DATABASE, "backupRetentionPeriod", 1),
    "database-deletion": Defect(DATABASE, "deletionProtection", False),
    "cluster-deletion": Defect(CLUSTER, "deletionProtection", CUT),
    "stateful-protected": Defect(DATABASE, options=Options(protect=False)),
    "database-tls": Defect("aws:rds/parameterGroup:ParameterGroup", "parameters", [], DATABASE),
    "bucket-versioning": Defect("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration/status", "Suspended", BUCKET),
    "file-system-backups": Defect("aws:backup/selection:Selection", blamed=EFS, drop=True),
    "originals-locked": Defect(LOCK, blamed=BUCKET, drop=True, where=lambda lock: lock.name == "storage-raw-lock"),
    "bucket-lifecycle": Defect(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "rules/0/abortIncompleteMultipartUpload", CUT, BUCKET
    ),
    "replication-timed": Defect(REPLICATION, "rules/0/destination/replicationTime/status", "Disabled"),
    "replica-elsewhere": Defect(REPLICATION, edit=without_keys),
    "database-elsewhere": Defect(
        "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication", blamed=DATABASE, drop=True
    ),
    "restore-tested": Defect("aws:backup/restoreTestingSelection:RestoreTestingSelection", blamed=DATABASE, drop=True),
    "images-elsewhere": Defect("aws:ecr/replicationConfiguration:ReplicationConfiguration", blamed=REPOSITORY, drop=True),
    "image-digest": Defect(DEPLOYMENT, f"{CONTAINER}/image", "vllm/vllm-openai:latest"),
    "placeholder-image": Defect(DEPLOYMENT, f"{CONTAINER}/image", "example.com/a/b@sha256:" + "0" * 64),
    "placeholder-id": Defect(GROUP, "releaseVersion", "1.50.0-00000000"),
    "image-maintained": Defect(DEPLOYMENT, f"{CONTAINER}/image", "docker.io/bitnami/postgresql@sha256:" + "1" * 64),
    "repository-immutable": Defect(REPOSITORY, "imageTagMutability", "MUTABLE"),
    "repository-scanned": Defect(REPOSITORY, "imageScanningConfiguration/scanOnPush", False),
    "chart-version": Defect("kubernetes:helm.sh/v3:Release", "version", ">=1.0"),
    "gpu-pool-taint": Defect(GROUP, "taints", CUT, where=gpu),
    "node-replacement-bounded": Defect(GROUP, "updateConfig/maxUnavailablePercentage", 100),
    "node-group-size": Defect(GROUP, "scalingConfig/desiredSize", 0, where=lambda g: "serving" in g.name),
    "gpu-node-repair": Defect(GROUP, "nodeRepairConfig", CUT, where=gpu),
    "gpu-limits": Defect(DEPLOYMENT, f"{CONTAINER}/resources/requests/nvidia.com\0gpu", "8", where=gpu),
    "resource-bounds": Defect(DEPLOYMENT, f"{CONTAINER}/resources/limits", {}),
    "probes": Defect(DEPLOYMENT, f"{CONTAINER}/startupProbe", CUT, where=gpu),
    "restricted-pods": Defect(DEPLOYMENT, f"{CONTAINER}/securityContext/allowPrivilegeEscalation", True),
    "service-account-token": Defect(DEPLOYMENT, f"{POD}/automountServiceAccountToken", True),
    "default-deny": Defect(
        "kubernetes:networking.k8s.io/v1:NetworkPolicy", blamed=DEPLOYMENT, drop=True, where=lambda p: p.name == "tracking-deny"
    ),
    "restricted-namespace": Defect(
        "kubernetes:core/v1:Namespace",
        "metadata/labels/pod-security.kubernetes.io\0enforce",
        "baseline",
        DEPLOYMENT,
        where=lambda n: n.name == "tracking-namespace",
    ),
    "account-trail": Defect(TRAIL, blamed=ACCOUNT, drop=True),
    "account-threats": Defect(DETECTOR, blamed=ACCOUNT, drop=True),
    "account-records": Defect("aws:cfg/recorderStatus:RecorderStatus", blamed=ACCOUNT, drop=True),
    "account-access": Defect(ACCOUNT, blamed=ACCOUNT, without="aws:accessanalyzer/analyzer:Analyzer"),
    "trail-whole": Defect(TRAIL, "enableLogFileValidation", False),
    "trail-locked": Defect(LOCK, blamed=TRAIL, drop=True, where=lambda lock: lock.name.startswith("account-trail")),
    "threats-watched": Defect(
        "aws:guardduty/detectorFeature:DetectorFeature", "status", "DISABLED", DETECTOR, where=lambda f: "runtime" in f.name
    ),
    "topic-customer-key": Defect(TOPIC, "kmsMasterKeyId", CUT, unlink="kmsMasterKeyId"),
    "gpu-pool-cost-tag": Defect(TEMPLATE, "tagSpecifications", CUT, GROUP, where=lambda t: "pool-" in t.name),
    "accelerator-announced-once": Defect(GROUP, "amiType", "AL2023_x86_64_NVIDIA", where=gpu),
    "gpu-pool-idle": Defect(GROUP, "scalingConfig/minSize", 2, where=lambda g: "training" in g.name),
    "gpu-pool-budget": Defect(BUDGET, "notifications", CUT, GROUP, where=lambda b: "pool-" in b.name),
    "tracking-login": Defect(DEPLOYMENT, f"{CONTAINER}/command", ["mlflow", "server"], where=lambda d: d.name == "tracking-pods"),
    "stream-key": Defect(STREAM, "encryptionType", "NONE"),
    "message-key": Defect("aws:sqs/queue:Queue", "kmsMasterKeyId", CUT, unlink="kmsMasterKeyId"),
    "stream-lag-alarm": Defect(ALARM, blamed=STREAM, drop=True, where=lambda a: "IteratorAge" in a.inputs["metricName"]),
    "delivery-alarms": Defect(ALARM, "alarmActions", [], DELIVERY, where=lambda a: "Freshness" in a.inputs["metricName"]),
    "delivery-errors": Defect(DELIVERY, "extendedS3Configuration/errorOutputPrefix", CUT),
    "dead-letter-alarm": Defect(ALARM, blamed="aws:sqs/queue:Queue", drop=True, where=lambda a: a.inputs["namespace"] == "AWS/SQS"),
    "query-bounds": Defect("aws:athena/workgroup:Workgroup", "configuration/enforceWorkgroupConfiguration", False),
    "rollout-gates": Defect("kubernetes:argoproj.io/v1alpha1:AnalysisTemplate", "spec/metrics/1/provider/prometheus/query", "up", ROLLOUT),
    "route-authenticated": Defect("kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy", blamed=ROUTE, drop=True),
    "route-weights": Defect(ROUTE, "spec/rules/0/backendRefs/1/weight", CUT),
    "gateway-internal": Defect("kubernetes:gateway.networking.k8s.io/v1:Gateway", "metadata/labels", {"groundwork.dev/exposure": "public"}),
    "shadow-writes-nothing": Defect("aws:iam/rolePolicy:RolePolicy", "policy", WRITES, DEPLOYMENT, where=lambda p: "shadow" in p.name),
    "alerts-routed": Defect(
        "kubernetes:monitoring.coreos.com/v1alpha1:AlertmanagerConfig",
        "spec/route/routes/3/receiver",
        "_nobody",
        "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
    ),
    "no-plain-secrets": Defect(DEPLOYMENT, f"{CONTAINER}/env/0", {"name": "API_TOKEN", "value": "hunter2"}),
}
"""Rule id to the defect that it must find in the prod stack."""
