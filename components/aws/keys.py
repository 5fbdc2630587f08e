"""Encryption keys: what a stack file may say of one, and keys that exist already behind the same facts as those made here."""

from collections.abc import Iterator
from typing import Annotated, Protocol

import pulumi

from components.aws.values import KeyArn, RoleArn
from components.given import Given
from components.spec import Many, Problem, Spec, rule

GivenKeyArn = Annotated[KeyArn, Given("aws:kms/key:Key", "key")]
"""A key that exists, by its ARN."""


class KeyArgs(Spec):
    """One encryption key: who manages it and who uses it, or which existing key to use."""

    existing: GivenKeyArn | None = None
    """ARN of a key that exists. It is used and never modified, so its own policy must already admit what uses it."""
    administrators: Many[RoleArn] = ()
    """IAM roles that manage the key; its policy denies them its use, whatever else they may do."""
    users: Many[RoleArn] = ()
    """IAM roles of people that may use the key, through the services that store under it. Workloads get their rights by themselves."""

    @rule("existing", "administrators", "users")
    def _never_modified(self) -> Iterator[Problem]:
        for name in ("administrators", "users"):
            if self.existing and getattr(self, name):
                yield Problem((name,), f"cannot be set on an existing key, which is never modified: remove {name}, or existing")

    @rule("administrators", "users")
    def _kept_apart(self) -> Iterator[Problem]:
        for index, role in enumerate(self.users):
            if role in self.administrators:
                yield Problem(("users", index), "administers the key too: who manages a key does not use it, so name another role")


class EncryptionKey(Protocol):
    """A key, made here or given."""

    @property
    def arn(self) -> pulumi.Output[str]:
        """Its ARN."""


class GivenKey:
    """A key that exists; it makes nothing."""

    def __init__(self, arn: pulumi.Input[str]) -> None:
        self._arn = arn

    @property
    def arn(self) -> pulumi.Output[str]:
        """Its ARN."""
        return pulumi.Output.from_input(self._arn)
