"""Deterministic stand-ins for what a cloud makes up: hexadecimal ids, UUIDs, addresses, certificates."""

import base64
import hashlib
import string
import uuid
from collections.abc import Callable, Mapping

ALPHABETS: Mapping[str, str] = {
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "alnum": string.ascii_lowercase + string.digits,
    "ALNUM": string.ascii_uppercase + string.digits,
    "digits": string.digits,
}
"""Alphabets that an id form may draw from, by the name templates use."""

CREATED = "2026-01-01T00:00:00Z"
"""The instant at which every stand-in resource was made, so that values do not depend on the clock."""


def draw(alphabet: str, length: int, seed: str) -> str:
    """`length` characters of a named alphabet; equal seeds give equal text. Raises KeyError for an unknown alphabet."""
    letters = ALPHABETS[alphabet]
    number = int.from_bytes(hashlib.shake_256(seed.encode()).digest(length), "big")
    drawn = []
    for _ in range(length):
        number, index = divmod(number, len(letters))
        drawn.append(letters[index])
    return "".join(drawn)


def _uuid(seed: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))


def _ipv4(seed: str) -> str:
    """An address of 198.18.0.0/15, which RFC 2544 sets aside for tests."""
    first, second, third = hashlib.sha256(seed.encode()).digest()[:3]
    return f"198.{18 + first % 2}.{second}.{1 + third % 254}"


def _certificate(seed: str) -> str:
    body = base64.b64encode(hashlib.shake_256(seed.encode()).digest(48)).decode()
    return base64.b64encode(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode()).decode()


MAKERS: Mapping[str, Callable[[str], str]] = {
    "uuid": _uuid,
    "ipv4": _ipv4,
    "certificate": _certificate,
    "timestamp": lambda seed: CREATED,
}
"""Values with a form of their own, each a function of a seed."""
