"""Requests from outside the cluster to one endpoint: what a stack file may say about them, and the objects for the gateway.

Kinds and fields: github.com/envoyproxy/gateway v1.9.1, api/v1alpha1; sigs.k8s.io/gateway-api v1.6, apis/v1.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from components.kubernetes.credentials import RemoteKey
from components.kubernetes.gateway.front import Front
from components.kubernetes.gateway.objects import CLIENT_HEADER, ENVOY_API, GATEWAY_API, LISTENER
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.serving.engines import Path
from components.kubernetes.vocabulary import DNS_NAME, Hostname, ObjectName
from components.spec import Duration, Many, Name, Problem, Spec, rule

SecureUrl = Annotated[str, StringConstraints(max_length=400, pattern=rf"^https://{DNS_NAME}(:[0-9]{{1,5}})?(/[A-Za-z0-9/_.~\-]*)?$")]
"""A URL with https."""
Audience = Annotated[str, StringConstraints(min_length=1, max_length=200)]
KEY_HEADER = "x-api-key"
"""Header in which a client shows its key."""
PORT = 80
"""Port of every endpoint's Service."""


class TokenAuthentication(Spec):
    """JSON Web Tokens of an OpenID Connect issuer, as bearer tokens; clients are told apart by the claim `sub`."""

    kind: Literal["jwt"]
    """How clients prove who they are."""
    issuer: SecureUrl
    """The issuer, as it stands in the claim `iss`."""
    jwks: SecureUrl
    """Where its public keys are; the proxies must reach it."""
    audiences: Annotated[Many[Audience], Field(min_length=1)]
    """Tokens must be meant for one of these."""


class KeyAuthentication(Spec):
    """A key for each client, shown in the header x-api-key and taken off before the model sees the request."""

    kind: Literal["keys"]
    """How clients prove who they are."""
    store: ObjectName
    """Name of the ClusterSecretStore that holds the keys."""
    key: RemoteKey
    """The secret's name or path in that store; each client has a field of it."""
    clients: Annotated[Many[Name], Field(min_length=1)]
    """Names of the clients, and of the fields that hold their keys."""


class LimitArgs(Spec):
    """How much one client may ask. Each proxy counts for itself, so all of them together let through as many times more."""

    requests: Annotated[int, Field(ge=1, le=1_000_000)]
    """Requests of one client."""
    per: Literal["second", "minute", "hour"] = "minute"
    """Over which time."""


class TrafficArgs(Spec):
    """How an endpoint is reached through the gateway."""

    authentication: Annotated[TokenAuthentication | KeyAuthentication, Field(discriminator="kind")] | None = None
    """How clients prove who they are. An endpoint that anybody could call is refused."""
    limit: LimitArgs
    """How much one client may ask."""
    host: Hostname | None = None
    """Its name; `<endpoint>.<domain of the gateway>` when absent."""
    paths: Annotated[Many[Path], Field(min_length=1, max_length=16)] = ("/v1",)
    """Paths, with all below them, that lead to it; metrics and health stay inside."""
    budget: Duration | None = None
    """Longest that one request may take, to the end of its answer, 1s to 1h; longest_request when absent."""

    @rule("authentication")
    def _nobody_unknown(self) -> Iterator[Problem]:
        if self.authentication is None:
            ways = "kind: jwt with issuer, jwks and audiences, or kind: keys with store, key and clients"
            yield Problem(
                ("authentication",), f"is missing, and anybody could call the endpoint: say how clients prove who they are, {ways}"
            )

    @rule("budget")
    def _bounded(self) -> Iterator[Problem]:
        if self.budget and not 1 <= self.budget.seconds <= 3_600:
            yield Problem(("budget",), f"{self.budget} is outside 1s to 1h")


def route(
    identity: Identity, args: TrafficArgs, front: Front, longest: Duration, weights: Mapping[str, int], mirror: Manifest | None
) -> Manifest:
    """The HTTPRoute: `weights` are of the endpoint's Services, `longest` is what a request may take at most, `mirror` a filter."""
    rules = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in args.paths],
        **({"filters": [mirror]} if mirror else {}),
        "backendRefs": [backend(name, weight) for name, weight in weights.items()],
        "timeouts": {"request": f"{(args.budget or longest).seconds}s"},
    }
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    spec = {
        "parentRefs": [{**parent, "name": front.name, "namespace": front.namespace, "sectionName": LISTENER}],
        "hostnames": [args.host or f"{identity.name}.{front.domain}"],
        "rules": [rules],
    }
    return {"api_version": GATEWAY_API, "kind": "HTTPRoute", "metadata": identity.metadata(), "spec": spec}


def backend(name: str, weight: int) -> Manifest:
    """A Service that takes `weight` of 100 requests."""
    return {"group": "", "kind": "Service", "name": name, "port": PORT, "weight": weight}


def _target(identity: Identity) -> list[Manifest]:
    return [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": identity.name}]


def security_policy(identity: Identity, proof: TokenAuthentication | KeyAuthentication) -> Manifest:
    """Who may call, proved by the gateway, which writes the client's name into a header of its own."""
    if isinstance(proof, TokenAuthentication):
        provider = {
            "name": "clients",
            "issuer": proof.issuer,
            "audiences": list(proof.audiences),
            "remoteJWKS": {"uri": proof.jwks},
            "claimToHeaders": [{"claim": "sub", "header": CLIENT_HEADER}],
        }
        how: Manifest = {"jwt": {"providers": [provider]}}
    else:
        keys = {"group": "", "kind": "Secret", "name": keys_name(identity)}
        extract = [{"headers": [KEY_HEADER]}]
        how = {"apiKeyAuth": {"credentialRefs": [keys], "extractFrom": extract, "forwardClientIDHeader": CLIENT_HEADER, "sanitize": True}}
    spec = {"targetRefs": _target(identity), **how}
    return {"api_version": ENVOY_API, "kind": "SecurityPolicy", "metadata": identity.metadata(), "spec": spec}


def keys_name(identity: Identity) -> str:
    """Name of the Secret that holds clients' keys."""
    return f"{identity.name}-clients"


def backend_policy(identity: Identity, limit: LimitArgs) -> Manifest:
    """So many requests of each client, by the name that the gateway gave it."""
    rules = {
        "clientSelectors": [{"headers": [{"name": CLIENT_HEADER, "type": "Distinct"}]}],
        "limit": {"requests": limit.requests, "unit": limit.per.capitalize()},
    }
    spec = {"targetRefs": _target(identity), "rateLimit": {"type": "Local", "local": {"rules": [rules]}}}
    return {"api_version": ENVOY_API, "kind": "BackendTrafficPolicy", "metadata": identity.metadata(), "spec": spec}
