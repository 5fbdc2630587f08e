"""Arguments of the gateway, the way in from outside the cluster."""

from typing import Annotated, Literal

from pydantic import Field

from components.kubernetes.credentials import RemoteKey
from components.kubernetes.vocabulary import Hostname, ObjectName
from components.spec import Problem, Size, Spec, rule


class IssuedCertificate(Spec):
    """A certificate for every name below the domain, made and renewed by cert-manager.

    Its issuer must prove names by DNS, or be an authority itself: nothing runs in the gateway's namespace that could prove them by HTTP.
    """

    kind: Literal["issued"]
    """How the certificate comes."""
    issuer: ObjectName
    """Name of the ClusterIssuer, which exists."""


class ReferencedCertificate(Spec):
    """A certificate in a secret store that External Secrets already reads."""

    kind: Literal["external"]
    """How the certificate comes."""
    store: ObjectName
    """Name of the ClusterSecretStore in the cluster."""
    key: RemoteKey
    """The secret's name or path in that store."""
    certificate_field: RemoteKey = "tls.crt"
    """The field that holds the certificate and its chain, in PEM."""
    key_field: RemoteKey = "tls.key"
    """The field that holds the private key, in PEM."""


class GatewayArgs(Spec):
    """One way in for every endpoint that has `traffic`: TLS on port 443, and nothing in plain."""

    domain: Hostname
    """Domain whose names lead to the gateway; an endpoint has its own below it."""
    certificate: Annotated[IssuedCertificate | ReferencedCertificate, Field(discriminator="kind")]
    """The certificate of *.<domain>."""
    exposure: Literal["internal", "public"] = "internal"
    """Who reaches it: networks joined to the site's own, or the whole internet. A rule stops public in production."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 2
    """Proxies."""
    cpu: Annotated[int, Field(ge=1, le=64)] = 1
    """CPU cores of one proxy, requested."""
    memory: Size = Size("1GiB")
    """Main memory of one proxy, requested and the limit."""

    @rule("domain")
    def _has_two_parts(self) -> list[Problem]:
        if "." in self.domain:
            return []
        return [Problem(("domain",), f'"{self.domain}" is a single word: add the domain that it is below')]

    @rule("memory")
    def _holds_a_proxy(self) -> list[Problem]:
        if self.memory.value >= 256 * 2**20:
            return []
        return [Problem(("memory",), f"{self.memory} is too little for a proxy: give 256MiB or more")]
