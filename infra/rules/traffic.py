"""Rules between endpoints, the gateway and one another. Pure functions."""

from collections.abc import Iterator, Mapping

from components.kubernetes.gateway.args import GatewayArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Problem

MOST = 253
"""Characters of a DNS name. Source: RFC 1034, 3.1: 255 octets, of which two are not written."""


def reached(gateway: GatewayArgs | None, endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Problem]:
    """Whoever has traffic has a gateway, and a name of its own that leads to it."""
    taken: dict[str, str] = {}
    for name, endpoint in endpoints.items():
        if endpoint.traffic is None:
            continue
        if gateway is None:
            yield Problem(("endpoints", name, "traffic"), "has no way in: add a gateway with a domain and a certificate, or remove it")
            continue
        host = endpoint.traffic.host or f"{name}.{gateway.domain}"
        label, _, rest = host.partition(".")
        if rest != gateway.domain:
            text = f'"{host}" does not lead to the gateway, whose certificate is of *.{gateway.domain}: give a name below it'
            yield Problem(("endpoints", name, "traffic", "host"), f"{text}, such as {label}.{gateway.domain}")
        if len(host) > MOST:
            text = f'"{host}" has {len(host)} characters, and DNS takes {MOST}: shorten the name of the endpoint or gateway.domain'
            yield Problem(("endpoints", name, "traffic", "host"), text)
        earlier = taken.setdefault(host, name)
        if earlier != name:
            yield Problem(("endpoints", name, "traffic", "host"), f'"{host}" is the name of endpoint {earlier}: give one of them another')


def beyond_scale(endpoint: InferenceEndpointArgs) -> str:
    """Why an endpoint asks for more GPUs than its replicas have, in words that follow the number."""
    reasons = []
    if endpoint.replicas_at_most > endpoint.scale.max:
        reasons.append(f"{endpoint.replicas_at_most} replicas while a new version takes over")
    if endpoint.scale.warm:
        reasons.append(f"{endpoint.scale.warm} held ready")
    if endpoint.shadow:
        reasons.append(f"{endpoint.shadow.replicas} of its shadow")
    return f" ({', '.join(reasons)})" if reasons else ""
