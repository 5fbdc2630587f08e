"""The gateway as manifests, for Envoy Gateway: pure functions.

Kinds and fields: github.com/envoyproxy/gateway v1.9.1, api/v1alpha1; sigs.k8s.io/gateway-api v1.6, apis/v1.
"""

from collections.abc import Mapping

from components.contracts import LoadBalancer
from components.kubernetes.gateway.args import GatewayArgs
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.vocabulary import quantity

GATEWAY_API = "gateway.networking.k8s.io/v1"
ENVOY_API = "gateway.envoyproxy.io/v1alpha1"
CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
CLIENT_HEADER = "x-client-id"
"""Header in which the gateway tells who the client is, once it has proved it; limits count by it."""
EXPOSURE = "groundwork.dev/exposure"
LISTENER = "https"


def proxy(identity: Identity, args: GatewayArgs, balancer: LoadBalancer, priority: str) -> Manifest:
    """The proxies and the Service in front of them; `priority` is the proxies' priority class."""
    whole = {"cpu": str(args.cpu), "memory": quantity(args.memory)}
    service = {
        "type": "LoadBalancer",
        "annotations": dict(balancer.annotations),
        **({"loadBalancerClass": balancer.kind} if balancer.kind else {}),
    }
    provider = {
        "type": "Kubernetes",
        "kubernetes": {
            "envoyDeployment": {
                "replicas": args.replicas,
                "pod": {"priorityClassName": priority},
                "container": {"resources": {"requests": whole, "limits": {"memory": whole["memory"]}}},
            },
            "envoyPDB": {"maxUnavailable": 1},
            "envoyService": service,
        },
    }
    return {"api_version": ENVOY_API, "kind": "EnvoyProxy", "metadata": exposed(identity, args), "spec": {"provider": provider}}


def exposed(identity: Identity, args: GatewayArgs) -> Manifest:
    """Metadata that tells who reaches the gateway."""
    return identity.metadata() | {"labels": {**identity.labels, EXPOSURE: args.exposure}}


def gateway_class(identity: Identity, name: str) -> Manifest:
    """A class of its own for the stack, so that its proxies are as it says."""
    parameters = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": identity.name, "namespace": identity.namespace}
    metadata = {"name": name, "labels": dict(identity.labels)}
    spec = {"controllerName": CONTROLLER, "parametersRef": parameters}
    return {"api_version": GATEWAY_API, "kind": "GatewayClass", "metadata": metadata, "spec": spec}


def gateway(identity: Identity, args: GatewayArgs, class_name: str, admitted: Mapping[str, str]) -> Manifest:
    """The listener for every name below the domain; routes of namespaces with the labels `admitted` may use it."""
    listener = {
        "name": LISTENER,
        "protocol": "HTTPS",
        "port": 443,
        "hostname": f"*.{args.domain}",
        "tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": certificate_name(identity)}]},
        "allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchLabels": dict(admitted)}}},
    }
    spec = {"gatewayClassName": class_name, "listeners": [listener]}
    return {"api_version": GATEWAY_API, "kind": "Gateway", "metadata": exposed(identity, args), "spec": spec}


def client_policy(identity: Identity) -> Manifest:
    """TLS 1.2 at least, and no client names itself to a limit."""
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": identity.name}
    spec = {
        "targetRefs": [target],
        "tls": {"minVersion": "1.2"},
        "headers": {"earlyRequestHeaders": {"remove": [CLIENT_HEADER]}},
    }
    return {"api_version": ENVOY_API, "kind": "ClientTrafficPolicy", "metadata": identity.metadata(), "spec": spec}


def certificate_name(identity: Identity) -> str:
    """Name of the Secret with the certificate."""
    return f"{identity.name}-tls"


def certificate(identity: Identity, domain: str, issuer: str) -> Manifest:
    """The certificate of all names below the domain (cert-manager.io/v1)."""
    name = certificate_name(identity)
    spec = {
        "secretName": name,
        "dnsNames": [f"*.{domain}"],
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer},
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "usages": ["digital signature", "server auth"],
    }
    return {"api_version": "cert-manager.io/v1", "kind": "Certificate", "metadata": identity.metadata(name), "spec": spec}
