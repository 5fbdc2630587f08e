"""For each kind one change that makes a sound object wrong in a way that only its meaning shows, and what the API server says of it."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Twin:
    api_version: str
    kind: str
    changes: Mapping[tuple[str | int, ...], Any]
    says: str


TWINS = (
    Twin("v1", "Namespace", {("metadata", "name"): "Upper"}, "RFC 1123"),
    Twin("v1", "Service", {("spec", "ports", 0, "port"): 70000}, "must be between 1 and 65535"),
    Twin("v1", "ServiceAccount", {("metadata", "labels", "groundwork.dev/owner"): "no spaces please"}, "a valid label must be"),
    Twin("v1", "ResourceQuota", {("spec", "hard", "pods"): "-1"}, "must be greater than or equal to 0"),
    Twin("apps/v1", "Deployment", {("spec", "selector", "matchLabels", "other"): "x"}, "`selector` does not match template `labels`"),
    Twin("networking.k8s.io/v1", "NetworkPolicy", {("spec", "policyTypes"): ["Sideways"]}, "Unsupported value"),
    Twin("policy/v1", "PodDisruptionBudget", {("spec", "minAvailable"): 1}, "cannot be both set"),
    Twin("rbac.authorization.k8s.io/v1", "Role", {("rules", 0, "verbs"): []}, "verbs must contain at least one value"),
    Twin("rbac.authorization.k8s.io/v1", "RoleBinding", {("roleRef", "kind"): "Group"}, "supported values"),
    Twin("scheduling.k8s.io/v1", "PriorityClass", {("value",): 2_000_000_000}, "maximum allowed value of a user defined priority"),
    Twin("storage.k8s.io/v1", "StorageClass", {("reclaimPolicy",): "Sometimes"}, "Unsupported value"),
    Twin("keda.sh/v1alpha1", "ScaledObject", {("spec", "triggers", 0, "metricType"): 5}, "spec.triggers"),
    Twin("monitoring.coreos.com/v1", "PodMonitor", {("spec", "podMetricsEndpoints", 0, "scheme"): "ftp"}, "Unsupported value"),
    Twin("monitoring.coreos.com/v1", "PrometheusRule", {("spec", "groups", 0, "rules", 0, "expr"): []}, "spec.groups[0].rules[0].expr"),
    Twin("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig", {("spec", "route", "groupWait"): "half a minute"}, "spec.route.groupWait"),
    Twin("v1", "PersistentVolumeClaim", {("spec", "accessModes"): ["Sideways"]}, "spec.accessModes"),
    Twin("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", {("spec", "startupPolicy"): "Sometime"}, "Unsupported value"),
    Twin("v1", "ConfigMap", {("data", "no spaces please"): "x"}, "a valid config key must consist of"),
    Twin("v1", "PersistentVolume", {("spec", "accessModes"): ["Sideways"]}, "spec.accessModes"),
    Twin("batch/v1", "Job", {("spec", "template", "spec", "restartPolicy"): "Always"}, "restartPolicy"),
    Twin("karpenter.k8s.aws/v1", "EC2NodeClass", {("spec", "role"): "nodes"}, "exactly one of ['role', 'instanceProfile']"),
    Twin("karpenter.sh/v1", "NodePool", {("spec", "template", "spec", "requirements", 0, "values"): []}, "must have a value defined"),
    Twin(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        {("spec", "validations", 0, "expression"): "oldObject.metadata.name =="},
        "Syntax error",
    ),
    Twin(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicyBinding",
        {("spec", "validationActions"): ["Shout"]},
        "Unsupported value",
    ),
    Twin("argoproj.io/v1alpha1", "Rollout", {("spec", "revisionHistoryLimit"): "three"}, "spec.revisionHistoryLimit"),
    Twin("argoproj.io/v1alpha1", "AnalysisTemplate", {("spec", "metrics", 0, "provider"): None}, "spec.metrics[0].provider"),
    Twin("cert-manager.io/v1", "Certificate", {("spec", "privateKey", "algorithm"): "DSA"}, "Unsupported value"),
    Twin("gateway.networking.k8s.io/v1", "GatewayClass", {("spec", "controllerName"): "mine"}, "spec.controllerName"),
    Twin(
        "gateway.networking.k8s.io/v1", "Gateway", {("spec", "listeners", 0, "protocol"): "HTTP"}, "tls must not be specified for protocols"
    ),
    Twin(
        "gateway.networking.k8s.io/v1",
        "HTTPRoute",
        {("spec", "rules", 0, "timeouts"): {"request": "1s", "backendRequest": "9s"}},
        "backendRequest timeout cannot be longer than request timeout",
    ),
    Twin("gateway.networking.k8s.io/v1", "ReferenceGrant", {("spec", "from"): []}, "spec.from"),
    Twin(
        "gateway.envoyproxy.io/v1alpha1",
        "EnvoyProxy",
        {
            ("spec", "provider", "kubernetes", "envoyService", "type"): "ClusterIP",
            ("spec", "provider", "kubernetes", "envoyService", "loadBalancerIP"): "10.0.0.1",
        },
        "loadBalancerIP can only be set for LoadBalancer type",
    ),
    Twin("gateway.envoyproxy.io/v1alpha1", "ClientTrafficPolicy", {("spec", "tls", "minVersion"): "0.9"}, "Unsupported value"),
    Twin(
        "gateway.envoyproxy.io/v1alpha1",
        "SecurityPolicy",
        {("spec", "targetRefs", 0, "kind"): "Service"},
        "this policy can only have a targetRefs",
    ),
    Twin(
        "gateway.envoyproxy.io/v1alpha1",
        "BackendTrafficPolicy",
        {("spec", "rateLimit", "type"): "Sometimes"},
        "Unsupported value",
    ),
    Twin("external-secrets.io/v1", "ClusterSecretStore", {("spec", "provider", "vault"): {"auth": {}, "server": "x"}}, "spec.provider"),
    Twin("external-secrets.io/v1", "SecretStore", {("spec", "provider", "vault"): {"auth": {}, "server": "x"}}, "spec.provider"),
    Twin("external-secrets.io/v1", "ExternalSecret", {("spec", "target", "creationPolicy"): "Mine"}, "Unsupported value"),
)


def spoiled(body: Mapping[str, Any], twin: Twin) -> dict[str, Any]:
    """A copy of an object with the changes of its twin."""
    wrong: dict[str, Any] = copy.deepcopy(dict(body))
    for path, value in twin.changes.items():
        holder: Any = wrong
        for part in path[:-1]:
            holder = holder[part]
        holder[path[-1]] = value
    return wrong
