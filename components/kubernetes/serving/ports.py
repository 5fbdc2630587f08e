"""Ports of an engine beside the one for HTTP: who may reach them, and the Service of those that clients call."""

from collections.abc import Mapping, Sequence

import pulumi

from components.kubernetes import manifests
from components.kubernetes.manifests import HTTP, Identity, Manifest
from components.kubernetes.workload import Enclosure

METRICS, GRPC = "metrics", "grpc"


def metrics_port(ports: Mapping[str, int]) -> str:
    """Name of the port that metrics are read at."""
    return METRICS if METRICS in ports else HTTP


def admitted(identity: Identity, ports: Mapping[str, int], clients: Sequence[str], monitoring: str) -> Manifest:
    """Lets clients in on gRPC, and monitoring where metrics are read."""
    who = {GRPC: sorted(set(clients)), METRICS: [monitoring]}
    inward = [
        {"from": [manifests.namespaces(who[name])], "ports": [{"protocol": "TCP", "port": port}]}
        for name, port in ports.items()
        if who[name]
    ]
    return {
        "metadata": identity.metadata(f"{identity.name}-ports"),
        "spec": {"podSelector": {"matchLabels": identity.selector}, "policyTypes": ["Ingress"], "ingress": inward},
    }


def grpc_service(identity: Identity, port: int) -> Manifest:
    """The address for gRPC."""
    ports = [{"name": GRPC, "port": port, "targetPort": GRPC, "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"}]
    spec = {"type": "ClusterIP", "selector": identity.selector, "ports": ports}
    return {"metadata": identity.metadata(f"{identity.name}-grpc"), "spec": spec}


def opened(enclosure: Enclosure, ports: Mapping[str, int], clients: Sequence[str], monitoring: str, pods: pulumi.Resource) -> None:
    """Make what opens them; nothing where there are none."""
    import pulumi_kubernetes as k8s

    name, identity = enclosure.identity.name, enclosure.identity
    if ports:
        policy = admitted(identity, ports, clients, monitoring)
        k8s.networking.v1.NetworkPolicy(f"{name}-ports", opts=enclosure.inside(), **policy)
    if GRPC in ports:
        k8s.core.v1.Service(f"{name}-grpc", opts=enclosure.inside(pods), **grpc_service(identity, ports[GRPC]))
