"""Kubernetes objects apart from their schema: which kinds live in no namespace, ids, server-set metadata."""

from collections.abc import Mapping
from typing import Any

from graph.model import SecretValue

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersionMigration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
"""Built-in kinds without a namespace; source: the resource tables of the Kubernetes API reference, v1.34."""

BUILT_IN_GROUPS = frozenset({"core", "apps", "batch", "autoscaling", "policy", "events", "extensions"})
"""API groups of the Kubernetes API server itself that do not end in `.k8s.io`."""

HELM_RELEASE = "kubernetes:helm.sh/v3:Release"


def group_version_kind(token: str) -> tuple[str, str, str]:
    """`kubernetes:apps/v1:Deployment` as (apps, v1, Deployment)."""
    _, module, kind = token.split(":", 2)
    group, _, version = module.rpartition("/")
    return group or "core", version, kind


def is_namespaced(token: str) -> bool | None:
    """Whether objects of a built-in kind live in a namespace; None for a custom kind, whose definition alone can tell."""
    group, _, kind = group_version_kind(token)
    if kind in CLUSTER_SCOPED:
        return False
    built_in = group in BUILT_IN_GROUPS or (group.endswith(".k8s.io") and group.count(".") <= 2) or group == "helm.sh"
    return True if built_in else None


def _name_and_namespace(token: str, inputs: Mapping[str, Any]) -> tuple[str, str]:
    source = inputs if token == HELM_RELEASE else _metadata(inputs)
    return str(source.get("name", "")), str(source.get("namespace", ""))


def _metadata(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = inputs.get("metadata")
    if isinstance(metadata, SecretValue):
        metadata = metadata.value
    return metadata if isinstance(metadata, dict) else {}


def object_id(token: str, inputs: Mapping[str, Any]) -> str:
    """The provider's id of an object: `namespace/name`, or `name` where there is no namespace."""
    name, namespace = _name_and_namespace(token, inputs)
    if is_namespaced(token) is False:
        return name
    namespace = namespace or ("default" if is_namespaced(token) else "")
    return f"{namespace}/{name}" if namespace else name


def server_set(token: str, inputs: Mapping[str, Any], uid: str, created: str) -> dict[str, dict[str, Any]]:
    """What the server, or Helm for a release, sets on an object once it is stored: values by top-level property."""
    if token == HELM_RELEASE:
        name, namespace = _name_and_namespace(token, inputs)
        return {"status": {"name": name, "namespace": namespace or "default", "revision": 1, "status": "deployed"}}
    return {"metadata": {"uid": uid, "creationTimestamp": created, "generation": 1, "resourceVersion": "1"}}
