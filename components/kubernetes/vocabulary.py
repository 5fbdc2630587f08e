"""Words of stack files that only what runs on Kubernetes needs."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from components.spec import Size


def _is_cidr(text: str) -> str:
    """The text itself. Raises ValueError when it is no CIDR block or has host bits set."""
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f'must be a CIDR block without host bits, such as "10.40.0.0/24": {error}') from error
    return text


Cidr = Annotated[str, StringConstraints(max_length=49), AfterValidator(_is_cidr)]
"""A block of addresses, IPv4 or IPv6, without host bits."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""

EnvName = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Z_][A-Z0-9_]*$")]
"""The name of an environment variable, in capitals."""

DNS_LABEL = r"[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
"""A label of a DNS name in lower case. Source: RFC 1123, 2.1; RFC 1034, 3.1 (63 characters)."""
DNS_NAME = rf"{DNS_LABEL}(\.{DNS_LABEL})*"
"""A DNS name in lower case, at most 253 characters long."""

Hostname = Annotated[
    str,
    StringConstraints(max_length=253, pattern=f"^{DNS_NAME}$"),
    Field(json_schema_extra={"x-form": "a DNS name in lower case, of at most 253 characters, 63 between two dots"}),
]
"""A DNS name in lower case, without port; between two dots at most 63 characters."""

Url = Annotated[str, StringConstraints(max_length=400, pattern=rf"^https?://{DNS_NAME}(:[0-9]{{1,5}})?$")]
"""A URL of scheme, host and port, without a path."""

ObjectName = Annotated[
    str,
    StringConstraints(max_length=253, pattern=r"^[a-z0-9]([a-z0-9\-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9\-]*[a-z0-9])?)*$"),
    Field(
        json_schema_extra={"x-form": "1 to 253 lower-case letters, digits, hyphens and dots, beginning and ending with a letter or digit"}
    ),
]
"""The name of a Kubernetes object that exists."""

Namespace = Annotated[
    str,
    StringConstraints(max_length=63, pattern=f"^{DNS_LABEL}$"),
    Field(json_schema_extra={"x-form": "1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit"}),
]
"""The name of a namespace that exists. Source: Kubernetes, "Namespaces": a DNS label, since it stands in the DNS names of Services."""

LabelKey = Annotated[
    str,
    StringConstraints(max_length=317, pattern=r"^([a-z0-9]([a-z0-9.\-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._\-]{0,61}[A-Za-z0-9])?$"),
]
"""The key of a Kubernetes label or taint."""

LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=r"^([A-Za-z0-9]([A-Za-z0-9._\-]*[A-Za-z0-9])?)?$")]
"""The value of a Kubernetes label or taint; may be empty."""


def quantity(size: Size) -> str:
    """The size as a Kubernetes quantity, exactly and as Kubernetes itself writes it: in the largest unit that leaves a whole number.

    A controller that writes an object back writes it so, and then owns what was written otherwise.
    """
    for unit, factor in (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20)):
        if size.value % factor == 0:
            return f"{size.value // factor}{unit}"
    return str(size.value)
