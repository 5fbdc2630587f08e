"""Protocol of a stand-in cloud for the provider that serves it: provider instances, and the questions the server asks."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from graph.types.materialise import Scope
from rehearsal.answers import CloudError, Keep
from rehearsal.store import Object, Transaction


@dataclass(slots=True)
class Instance:
    """One configured provider: its scope, its settings, and whether the engine has cancelled it."""

    scope: Scope
    settings: Mapping[str, Any] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Difference:
    """What separates two sets of inputs. Paths are Pulumi property paths; `replaces` are those that force replacement."""

    changed: Sequence[str]
    replaces: Sequence[str]
    delete_before_replace: bool = False


class Checked(NamedTuple):
    """The outcome of Check: inputs as they will be kept, and (property path, reason) of what is wrong with them."""

    inputs: dict[str, Any]
    failures: list[tuple[str, str]]


class Cloud(Protocol):
    """One package's behaviour. Everything that refuses raises CloudError; the server turns it into the reply."""

    package: str
    version: str

    def configure(self, config: Mapping[str, Any]) -> Instance:
        """A provider instance from its inputs, with JSON texts read."""

    def differ_config(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """What a change of the provider's own inputs means for what it manages."""

    def check(self, instance: Instance, urn: str, token: str, inputs: dict[str, Any], seed: bytes) -> Checked:
        """The inputs to keep, and everything wrong with them."""

    def differ(
        self, instance: Instance, token: str, old: Mapping[str, Any], new: Mapping[str, Any], state: Mapping[str, Any]
    ) -> Difference:
        """What the provider's Diff says of old and new inputs and the old outputs; raises for a type without rows in the table."""

    def place(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Scope:
        """Where an object lives: a resource may name its own region, and some services have none."""

    def admit(self, txn: Transaction, instance: Instance, token: str, urn: str, inputs: Mapping[str, Any]) -> None:
        """Raise what the cloud refuses before it makes or changes an object."""

    def answering(self, token: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Outputs that stand for those of the type's form, where something real answers for the object."""

    def claims(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Sequence[tuple[str, str, CloudError]]:
        """(namespace of names, name, refusal if it is taken)."""

    def counts(self, token: str) -> Sequence[str]:
        """Outputs that count the versions of an object, such as a launch template's."""

    def moved(self, token: str, changed: Sequence[str], inputs: Mapping[str, Any]) -> Sequence[str]:
        """Those of `counts` that a change of these properties moves; a preview does not know them."""

    def release(self, txn: Transaction, found: Object) -> Sequence[Keep]:
        """Raise what the cloud refuses before it deletes; what the deletion leaves behind."""
