"""The stand-in for AWS: one engine over tables (`data/aws.yaml`, `graph.types`); nothing here knows a resource type by name."""

import itertools
import string
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import metadata, resources
from typing import Any

import yaml

from graph.model import UNKNOWN
from graph.types import references, replacement, schema
from graph.types.materialise import Scope
from rehearsal import wire
from rehearsal.answers import WRITTEN_AGAIN, CloudError, Keep
from rehearsal.cloud import Checked, Difference, Instance
from rehearsal.store import Object, Transaction

UNKNOWN_ACCOUNT = "000000000000"
DAY = 86_400
CLUSTER = "aws:eks/cluster:Cluster"


@cache
def table() -> Mapping[str, Any]:
    """The facts of `data/aws.yaml`."""
    found: Mapping[str, Any] = yaml.safe_load(resources.files("rehearsal").joinpath("data/aws.yaml").read_text("utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Existing:
    """What an account holds that no stack makes.

    `account` is whose credentials the rehearsal pretends to have ("" takes the account the provider allows);
    `objects` maps a type token to ids, ARNs or names, as shell patterns.
    """

    account: str = ""
    objects: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def has(self, tokens: Sequence[str], value: str) -> bool:
        """Whether a value names something that exists outside the stack."""
        patterns = [pattern for token in tokens for pattern in self.objects.get(token, ())]
        return any(fnmatchcase(value, pattern) for pattern in patterns)


class Aws:
    """AWS as the engine meets it through its provider."""

    package = "aws"

    def __init__(self, existing: Existing | None = None, reached: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """`reached` holds outputs of EKS clusters by name, where something answers for them."""
        self._existing = existing or Existing()
        self._reached = reached or {}
        self.version = metadata.version("pulumi-aws")

    def configure(self, config: Mapping[str, Any]) -> Instance:
        """An instance for the account and region of a provider's inputs.

        Raises CloudError when there is no region, or when the account is not among the allowed or is among the forbidden ones.
        """
        region = str(config.get("region") or "")
        if not region:
            raise CloudError("", "invalid AWS Region: set `region` on the provider; the rehearsal reads no environment")
        allowed = [str(one) for one in config.get("allowedAccountIds") or ()]
        account = self._existing.account or (allowed[0] if allowed else UNKNOWN_ACCOUNT)
        if (allowed and account not in allowed) or account in map(str, config.get("forbiddenAccountIds") or ()):
            raise CloudError("", f"AWS account ID not allowed: {account}")
        return Instance(Scope(package="aws", account=account, region=region), dict(config))

    def differ_config(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Changes of a provider update it in place; `differ` says what a new region does to its resources."""
        changed = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
        return Difference(changed, ())

    def check(self, instance: Instance, urn: str, token: str, inputs: dict[str, Any], seed: bytes) -> Checked:
        """Inputs against the types of the installed SDK."""
        if not schema.known(token):
            return Checked(inputs, [("", f"{token} is not a type of pulumi-aws {self.version}")])
        return Checked(inputs, [(violation.path, violation.message) for violation in schema.check_inputs(token, inputs)])

    def differ(
        self, instance: Instance, token: str, old: Mapping[str, Any], new: Mapping[str, Any], state: Mapping[str, Any]
    ) -> Difference:
        """What changed and whether it replaces, by the table; and the order, by the bridge's rules.

        Raises for a type without rows, and for a version that the cloud does not reach in one update.

        A provider that was moved to another region replaces what it made in the first.
        """
        try:
            found = replacement.diff(token, old, new)
        except replacement.UnknownReplacement as unknown:
            raise CloudError("", str(unknown)) from None
        _stepwise(token, old, new)
        moved = ("region",) if self._moved(instance, token, new, state) else ()
        changed, replaces = dict.fromkeys((*found.changed, *moved)), dict.fromkeys((*found.replaces, *moved))
        first = bool(replaces) and (found.delete_before_replace or deletes_first(token, new))
        return Difference(tuple(changed), tuple(replaces), first)

    def _moved(self, instance: Instance, token: str, new: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        here, there = self.place(instance, token, new).region, wire.revealed(state.get("region"))
        return bool(here) and isinstance(there, str) and bool(there) and here != there

    def place(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> Scope:
        """The account and region of an object; the region is empty for global services."""
        if token.split(":")[1].partition("/")[0] in table()["global_services"]:
            return replace(instance.scope, region="")
        region = wire.revealed(inputs.get("region"))
        return replace(instance.scope, region=region) if isinstance(region, str) and region else instance.scope

    def admit(self, txn: Transaction, instance: Instance, token: str, urn: str, inputs: Mapping[str, Any]) -> None:
        """Raise when something the inputs refer to does not exist in this account and region."""
        scope = self.place(instance, token, inputs)
        for path, tokens, value, shown in _referenced(token, inputs):
            provided = any(fnmatchcase(value, pattern) for pattern in table()["provided"])
            if not (provided or self._existing.has(tokens, value) or _exists(txn, scope, tokens, value)):
                row = table()["missing"].get(tokens[0], table()["missing"]["other"])
                raise CloudError(row["code"], f"{row['message'].format(value=shown, type=tokens[0])} (property {path})")

    def answering(self, token: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Outputs of an EKS cluster that something answers for."""
        return self._reached.get(str(inputs.get("name")), {}) if token == CLUSTER else {}

    def claims(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> list[tuple[str, str, CloudError]]:
        """What an object of this type must have for itself: its name, unless the cloud gives it, and what may be there only once."""
        scope = self.place(instance, token, inputs)
        return [*self._named(instance, token, inputs), *_exclusive(f"{scope.account}/{scope.region}", token, inputs)]

    def _named(self, instance: Instance, token: str, inputs: Mapping[str, Any]) -> list[tuple[str, str, CloudError]]:
        row = table()["names"].get(token)
        values = {name: wire.revealed(inputs.get(name)) for name in row["of"]} if row else {}
        if not row or not all(isinstance(value, str) and value for value in values.values()):
            return []
        scope = self.place(instance, token, inputs)
        shown = {name: "[secret]" if value in wire.hidden(inputs) else value for name, value in values.items()}
        within = {"world": "world", "account": scope.account, "region": f"{scope.account}/{scope.region}"}[row["within"]]
        return [(f"{within}/{token}", "/".join(values.values()), CloudError(row["code"], row["message"].format(**shown)))]

    def counts(self, token: str) -> Sequence[str]:
        """Outputs that count the versions of an object."""
        row = table()["counted"].get(token)
        return [*row["outputs"], row["follower"]] if row else ()

    def moved(self, token: str, changed: Sequence[str], inputs: Mapping[str, Any]) -> Sequence[str]:
        """The counters that this change moves."""
        row = table()["counted"].get(token)
        tops = {path.partition(".")[0].partition("[")[0] for path in changed}
        if not row or tops <= set(row["untouched_by"]):
            return ()
        return [*row["outputs"], *([row["follower"]] if inputs.get(row["follows_if"]) is True else ())]

    def release(self, txn: Transaction, found: Object) -> Sequence[Keep]:
        """Raise what refuses a deletion: protection, contents, holders; else what the deletion leaves behind."""
        values = {"id": found.id}
        protection = table()["protection"].get(found.token)
        if protection and found.inputs.get(protection["property"]) is True:
            raise CloudError(protection["code"], protection["message"].format(**values))
        container = table()["containers"].get(found.token)
        if container and found.contents and found.inputs.get(container["unless"]) is not True:
            raise CloudError(container["code"], container["message"].format(**values))
        edge = table()["dependencies"].get(found.token)
        if edge and found.inputs.get(edge.get("unless", "")) is not True:
            holders = _holders(txn, found, edge["held_by"])
            if holders:
                raise CloudError(edge["code"], f"{edge['message'].format(**values)} Held by: {', '.join(holders)}")
        return [*_snapshot(txn, found), *_window(found), *_left_behind(found), *_written_again(found)]


def _exclusive(within: str, token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str, CloudError]]:
    """The claims of `exclusive` in the data: one for each combination of values of the properties that tell the object apart."""
    secret = wire.hidden(inputs)
    for row in (row for row in table()["exclusive"] if row["type"] == token):
        names = [name.removesuffix("?") for name in row["of"]]
        values = [wire.at(inputs, name) or ([""] if name != asked else []) for name, asked in zip(names, row["of"], strict=True)]
        wanted = row.get("if", {}).items()
        if not all((wire.revealed(inputs.get(name)) or "") in allowed for name, allowed in wanted):
            continue
        slot = row.get("slot") or f"{token}/{'+'.join(names)}"
        for combination in itertools.product(*values):
            if UNKNOWN in combination:
                continue
            said = {name: wire.revealed(value) for name, value in inputs.items()} | dict(zip(names, combination, strict=True))
            shown = {name: "[secret]" if value in secret else value for name, value in said.items() if isinstance(value, str)}
            message = string.Formatter().vformat(row["message"], (), defaultdict(str, shown))
            yield f"{within}/{slot}", "/".join(map(str, combination)), CloudError(row["code"], message)


def _stepwise(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raise for a version that skips a minor, or goes back."""
    row = table()["steps"].get(token)
    before, after = (str(wire.revealed(inputs.get(row["property"])) if row else "") for inputs in (old, new))
    minors = [text.partition(".")[2] for text in (before, after)]
    if row and all(minor.isdecimal() for minor in minors) and int(minors[1]) - int(minors[0]) not in (0, 1):
        raise CloudError(row["code"], row["message"].format(old=before, new=after))


def deletes_first(token: str, inputs: Mapping[str, Any]) -> bool:
    """Whether the bridge asks for the old object to go first in any replacement (see `bridge` in the data)."""
    bridge = table()["bridge"]
    named = bridge["autonamed"].get(token, "" if token in bridge["not_autonamed"] else "name")
    return token in bridge["delete_before_replace"] or isinstance(wire.revealed(inputs.get(named)), str)


def handles(found: Object) -> set[str]:
    """Everything by which others may name an object: its id, its own name, and the texts the cloud gave it."""
    named = {"name", *table()["names"].get(found.token, {"of": [""]})["of"][-1:]}
    own = (wire.revealed(value) for name, value in found.outputs.items() if name in named or name not in found.inputs)
    return {found.id, *(text for text in own if isinstance(text, str) and text)}


def _referenced(token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str], str, str]]:
    """(path, types it may be, value, value as it may be shown) of every known reference in the inputs."""
    secret = wire.hidden(inputs)
    for path, tokens in references.of(token).items():
        for value in wire.at(inputs, path):
            if isinstance(value, str) and value:
                yield path, tokens, value, "[secret]" if value in secret else value


def _exists(txn: Transaction, scope: Scope, tokens: Sequence[str], value: str) -> bool:
    """Whether an object of these types goes by the value, in the region unless the value or the type reaches beyond it."""
    for token in tokens:
        named = (one for one in txn.find(package="aws", token=token, account=scope.account) if value in handles(one))
        implied = (
            one
            for holder, path in table()["implied"].get(token, ())
            for one in txn.find(package="aws", token=holder, account=scope.account)
            if value in wire.at(one.outputs, path)
        )
        anywhere = value.startswith("arn:") or token in table()["cross_region"] or not scope.region
        if any(anywhere or one.scope.region in (scope.region, "") for one in (*named, *implied)):
            return True
    return False


def _holders(txn: Transaction, found: Object, rows: Sequence[Sequence[str]]) -> list[str]:
    names = handles(found)
    return [
        holder.id
        for token, path in rows
        for holder in txn.find(package="aws", token=token, account=found.scope.account)
        if holder.seq != found.seq and names & {value for value in wire.at(holder.inputs, path) if isinstance(value, str)}
    ]


def _snapshot(txn: Transaction, found: Object) -> list[Keep]:
    row = table()["snapshots"].get(found.token)
    if not row or found.inputs.get(row["skip"]) is True:
        return []
    identifier = wire.revealed(found.inputs.get(row["identifier"]))
    if not isinstance(identifier, str):
        skip, name = _snake(row["skip"]), _snake(row["identifier"])
        raise CloudError("", f'deleting {found.id}: "{name}" is required when "{skip}" is false')
    if txn.is_retained(row["leaves"], identifier):
        raise CloudError(row["code"], f"Cannot create the snapshot because one with the identifier {identifier} already exists.")
    return [Keep(row["leaves"], identifier, "final snapshot")]


def _window(found: Object) -> list[Keep]:
    row = table()["windows"].get(found.token)
    days = found.inputs.get(row["property"], row["default"]) if row else 0
    return [Keep(found.token, found.id, row["reason"], time.time() + days * DAY, keeps_name=row["keeps_name"])] if row and days else []


def _left_behind(found: Object) -> list[Keep]:
    row = table()["left_behind"].get(found.token)
    return [Keep(found.token, found.id, row["reason"], keeps_name=True)] if row and found.inputs.get(row["property"]) is True else []


def _written_again(found: Object) -> list[Keep]:
    """The log group that a service makes again with the last logs of what is gone."""
    row = table()["written_again"].get(found.token)
    name = str(wire.revealed(found.inputs.get(row["property"]))) if row else ""
    writers = [who for pattern, who in row["patterns"].items() if fnmatchcase(name, pattern)] if row else []
    command = row["command"].format(region=found.scope.region, id=found.id) if row else ""
    return [
        Keep(
            token=found.token,
            id=found.id,
            reason=f"{WRITTEN_AGAIN} by {who}, without retention or key; before the next up: {command}",
            keeps_name=True,
        )
        for who in writers
    ]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter in string.ascii_uppercase else letter for letter in name)
