"""Physical names: deterministic functions of project, stack, role and generation, so that a lost create can be found again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HASHED = 9
"""Characters at the end of a shortened name: a hyphen and a hash."""


def short_hash(value: Any, length: int = 8) -> str:
    """Hexadecimal digest of any JSON value, equal for equal values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:length]


def bounded(name: str, limit: int) -> str:
    """The name itself, or its head and a hash of all of it when it is longer than `limit` characters."""
    return name if len(name) <= limit else f"{name[: limit - HASHED].rstrip('-')}-{short_hash(name)}"


@dataclass(frozen=True, slots=True)
class Naming:
    """Names within one stack; `account` and `region` go into names that are global."""

    project: str
    stack: str
    account: str = ""
    region: str = ""

    def name(self, role: str, *, limit: int = 63) -> str:
        """`<project>-<stack>-<role>`, at most `limit` characters."""
        return bounded(f"{self.project}-{self.stack}-{role}", limit)

    def generation(self, role: str, forcing: Mapping[str, Any], *, limit: int = 63) -> str:
        """A name that changes with the inputs that force replacement, so that the successor can be made first."""
        return bounded(f"{self.project}-{self.stack}-{role}-{short_hash(forcing, 6)}", limit)

    def globally(self, role: str, *, limit: int = 63) -> str:
        """A name unique across accounts and regions, for buckets."""
        return bounded(f"{self.project}-{self.stack}-{role}-{self.account}-{self.region}", limit)

    def every(self, *, limit: int = 63) -> str:
        """A pattern, with `*`, of all names of the stack that have at most `limit` characters, shortened ones too."""
        prefix = f"{self.project}-{self.stack}-"
        return f"{prefix if len(prefix) <= limit - HASHED else prefix[: limit - HASHED].rstrip('-')}*"
