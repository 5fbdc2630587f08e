"""Kubernetes objects as plain manifests, spelled as the API server reads them: pure functions, no resources made here.

A manifest is the constructor's keyword arguments, so `Service(name, opts=…, **service(…))` registers it. The recorder checks every
nested key against the installed SDK.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.contracts import AcceleratorPool, SecretKey, Taint

Manifest = dict[str, Any]
Environment = Mapping[str, "pulumi.Input[str] | SecretKey"]

HTTP = "http"
"""Name of the one port that a workload serves on."""
LOGS_GIB = 1
"""GiB of a node's disk for the logs of a pod, beside its scratch volumes."""
DEFAULT_DENY = "default-deny"
"""Name of the network policy that closes a namespace."""
USER = 10001
"""Numeric user and group of every workload: not root, and not one that an image gives rights to."""


@dataclass(frozen=True, slots=True)
class Identity:
    """How the objects of one workload are called, placed and found."""

    name: str
    """Name of every object in the workload's own namespace."""
    namespace: str
    labels: Mapping[str, str]
    """Ownership labels for every object."""

    @property
    def selector(self) -> dict[str, str]:
        """The labels that never change, for selectors."""
        keys = ("app.kubernetes.io/name", "app.kubernetes.io/component")
        return {key: self.labels[key] for key in keys}

    def metadata(self, name: str | None = None, **extra: Any) -> Manifest:
        """Metadata of an object in the namespace; named as the workload unless said otherwise."""
        return {"name": name or self.name, "namespace": self.namespace, "labels": dict(self.labels), **extra}

    def beside(self, role: str, app: str = "") -> "Identity":
        """The identity `<name>-<role>` of a helper: labels of its own, so that nothing takes its pods for the workload's."""
        name = f"{self.name}-{role}"
        apart = {"app.kubernetes.io/component": name, **({"app.kubernetes.io/name": app} if app else {})}
        return Identity(name, self.namespace, {**self.labels, **apart})


def namespace(identity: Identity) -> Manifest:
    """The workload's own namespace, where only pods of the `restricted` security standard are admitted."""
    security = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {"metadata": {"name": identity.namespace, "labels": {**identity.labels, **security}}}


def quota(identity: Identity, hard: Mapping[str, str]) -> Manifest:
    """What all pods of the namespace together may ask for."""
    return {"metadata": identity.metadata(), "spec": {"hard": dict(hard)}}


def default_deny(identity: Identity) -> Manifest:
    """No pod of the namespace is reached or reaches out unless another policy says so."""
    return {"metadata": identity.metadata(DEFAULT_DENY), "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}


RESOLVER_NAMESPACES = ("kube-system", "openshift-dns")
"""Where pods answer DNS queries: at port 53, and in OpenShift at 5353, to which its Service sends what arrives at 53.

Source: openshift/cluster-dns-operator, assets/dns/service.yaml (targetPort dns) and daemonset.yaml (containerPort 5353).
"""
RESOLVERS = ("10.100.0.10/32", "169.254.20.10/32", "169.254.25.10/32", "172.20.0.10/32")
"""Where DNS queries are answered by no pod that a policy can select.

169.254.20.10 and 169.254.25.10 are NodeLocal DNSCache, in the node's own network (kubernetes.io, "Using NodeLocal DNSCache in Kubernetes
Clusters"; kubespray's nodelocaldns_ip). The others are the Service of DNS in the two ranges of EKS (awslabs/amazon-eks-ami#92), behind
which EKS Auto Mode runs the resolver on the node itself, so that a rule must name the address (aws/containers-roadmap#2552).
"""


def resolvers() -> Manifest:
    """The rule of egress by which a pod asks DNS, wherever a cluster of any kind answers it."""
    ports = [{"protocol": protocol, "port": port} for port in (53, 5353) for protocol in ("UDP", "TCP")]
    return {"to": [namespaces(RESOLVER_NAMESPACES), *({"ipBlock": {"cidr": cidr}} for cidr in RESOLVERS)], "ports": ports}


def network_policy(identity: Identity, port: int, clients: Sequence[str], destinations: Sequence[tuple[str, int]]) -> Manifest:
    """Lets pods of the client namespaces in on `port`, and the workload out to DNS and the (CIDR, TCP port) destinations."""
    outward = [
        {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"protocol": "TCP", "port": to}]} for cidr, to in dict.fromkeys(destinations)
    ]
    inward = [{"from": [namespaces(sorted(set(clients)))], "ports": [{"protocol": "TCP", "port": port}]}] if clients else []
    return {
        "metadata": identity.metadata(),
        "spec": {
            "podSelector": {"matchLabels": identity.selector},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": inward,
            "egress": [resolvers(), *outward],
        },
    }


def namespaces(names: Sequence[str]) -> Manifest:
    """A network peer: every pod of the named namespaces."""
    key = "kubernetes.io/metadata.name"  # set on every namespace by the API server
    return {"namespaceSelector": {"matchExpressions": [{"key": key, "operator": "In", "values": list(names)}]}}


def service_account(identity: Identity, annotations: Mapping[str, pulumi.Input[str]]) -> Manifest:
    """The account that cloud rights are bound to; its token for the Kubernetes API is not mounted."""
    return {"metadata": identity.metadata(annotations=dict(annotations)), "automount_service_account_token": False}


def secret(metadata: Manifest, values: Mapping[str, pulumi.Input[str]]) -> Manifest:
    """A Secret of the given (already marked secret) values."""
    return {"metadata": metadata, "type": "Opaque", "string_data": dict(values)}


def service(identity: Identity, port: int, name: str = "", **extra: Any) -> Manifest:
    """One address inside the cluster, on `port`, for all ready pods; named as the workload unless said otherwise."""
    ports = [{"name": HTTP, "port": port, "targetPort": HTTP, "protocol": "TCP"}]
    return {"metadata": identity.metadata(name, **extra), "spec": {"type": "ClusterIP", "selector": identity.selector, "ports": ports}}


def disruption_budget(identity: Identity) -> Manifest:
    """One pod at a time may be evicted, and a pod that is not healthy always: a drain goes slowly but never hangs."""
    return {
        "metadata": identity.metadata(),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": identity.selector},
        },
    }


def environment(variables: Environment) -> list[Manifest]:
    """Variables in the order of their names; a SecretKey becomes a reference, never a value."""
    return [{"name": name, **_source(value)} for name, value in sorted(variables.items())]


def _source(value: "pulumi.Input[str] | SecretKey") -> Manifest:
    if isinstance(value, SecretKey):
        return {"valueFrom": {"secretKeyRef": {"name": value.secret, "key": value.key}}}
    return {"value": value}


def pod_security() -> Manifest:
    """Security context of a pod under the `restricted` standard."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    """Security context of a container under the `restricted` standard, with a root file system that cannot be written."""
    return {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def spread(selector: Mapping[str, str], *, zonal: bool) -> list[Manifest]:
    """Replicas apart from each other, over nodes and (where there are several) zones; a preference, since GPUs are scarce."""
    keys = ["topology.kubernetes.io/zone"] if zonal else []
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(selector)},
            "matchLabelKeys": ["pod-template-hash"],
        }
        for key in [*keys, "kubernetes.io/hostname"]
    ]


def placement(pool: AcceleratorPool) -> Manifest:
    """What brings a pod onto the pool's nodes: their labels, and tolerations of their taints."""
    return {"nodeSelector": dict(pool.node_labels), "tolerations": [_toleration(taint) for taint in pool.taints]}


def _toleration(taint: Taint) -> Manifest:
    if not taint.value:
        return {"key": taint.key, "operator": "Exists", "effect": taint.effect}
    return {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}


def http_probe(path: str, *, period: int, failures: int) -> Manifest:
    """Asks for `path` every `period` seconds, and acts after so many failures in a row."""
    return {"httpGet": {"path": path, "port": HTTP}, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}


def scratch(name: str, size: str, *, in_memory: bool = False) -> Manifest:
    """An empty volume that dies with its pod; in memory it counts against the pod's memory limit."""
    return {"name": name, "emptyDir": {"sizeLimit": size, **({"medium": "Memory"} if in_memory else {})}}


def on_disk(pod: Manifest) -> Manifest:
    """The pod with what its containers may keep on the node's disk: scratch volumes, all full, and logs. One beyond it is evicted."""
    empty = [volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume]
    most = f"{sum(int(each['sizeLimit'].removesuffix('Gi')) for each in empty if each.get('medium') != 'Memory') + LOGS_GIB}Gi"
    return {
        **pod,
        **{kind: [_bounded(container, most) for container in pod[kind]] for kind in ("initContainers", "containers") if kind in pod},
    }


def _bounded(container: Manifest, most: str) -> Manifest:
    asked = container["resources"]
    requests, limits = {**asked["requests"], "ephemeral-storage": f"{LOGS_GIB}Gi"}, {**asked["limits"], "ephemeral-storage": most}
    return {**container, "resources": {**asked, "requests": requests, "limits": limits}}


def job(metadata: Manifest, labels: Mapping[str, str], pod: Manifest, deadline: int) -> Manifest:
    """A job whose one pod is tried four times, within so many seconds in all; `pod` holds what is its own in the pod's spec."""
    closed = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "securityContext": pod_security(),
    }
    template = {"metadata": {"labels": dict(labels)}, "spec": on_disk({**closed, **pod})}
    return {"metadata": metadata, "spec": {"backoffLimit": 3, "activeDeadlineSeconds": deadline, "template": template}}
