"""Outputs that a cloud adds to a resource: its id, its ARN and its other attributes, of the right form and deterministic.

The recorder and the stand-in clouds share this, so that a program sees equal values in both. The forms are data
(`data/identities.json`); a property without a row gets a value of its SDK type that holds a token unique to (urn, property).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from graph.model import UNKNOWN, SecretValue
from graph.types import schema, tokens
from graph.types.kubernetes import object_id, server_set
from graph.types.tables import load, rows

PARTITIONS: tuple[tuple[str, str, str], ...] = (
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("", "aws", "amazonaws.com"),
)
"""Region prefix, ARN partition, DNS suffix; the first that fits holds."""

DEPTH = 4
"""How deep a value is invented for a property without a row."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a provider instance stands for: package, and account and region, or the cluster's identifier."""

    package: str
    account: str = ""
    region: str = ""
    cluster: str = ""

    @classmethod
    def of(cls, package: str, inputs: Mapping[str, Any]) -> Self:
        """The scope of a provider resource, read from its inputs as the SDK sends them (nested values as JSON text)."""
        accounts = _decoded(inputs.get("allowedAccountIds"))
        return cls(
            package=package,
            account=str(accounts[0]) if isinstance(accounts, list) and accounts else "000000000000",
            region=_text(inputs.get("region")),
            cluster=_text(inputs.get("clusterIdentifier")),
        )


@dataclass(frozen=True, slots=True)
class Materialised:
    """A created resource: `outputs` holds the inputs and all that was added; `computed` names what was added (`vpcConfig.vpcId`)."""

    id: str
    outputs: Mapping[str, Any]
    computed: frozenset[str]

    def added(self) -> dict[str, Any]:
        """The outputs that differ from the inputs, whole top-level properties."""
        return {name: self.outputs[name] for name in dict.fromkeys(path.partition(".")[0] for path in sorted(self.computed))}


def materialise(token: str, urn: str, inputs: Mapping[str, Any], scope: Scope, ordinal: int = 0) -> Materialised:
    """The resource as its cloud would make it. `ordinal` counts how many times this URN was created before."""
    if token.startswith(schema.PROVIDER_PREFIX):
        return Materialised(tokens.MAKERS["uuid"](f"{urn}\0{ordinal}"), dict(inputs), frozenset())
    if scope.package == "kubernetes":
        uid = tokens.MAKERS["uuid"](f"{urn}\0{ordinal}\0uid")
        return _overlaid(object_id(token, inputs), inputs, server_set(token, inputs, uid, tokens.CREATED))
    making = _Making(token, urn, inputs, _in_region(scope, inputs), ordinal)
    return _overlaid(making.id, inputs, making.added())


def planned(token: str, inputs: Mapping[str, Any], scope: Scope) -> Materialised:
    """The resource as a preview tells it: no id, and `UNKNOWN` wherever the cloud would add something."""
    if token.startswith(schema.PROVIDER_PREFIX) or scope.package == "kubernetes":
        return Materialised("", dict(inputs), frozenset())
    real = materialise(token, f"urn:pulumi:plan::plan::{token}::plan", inputs, scope)
    outputs = dict(real.outputs)
    for path in real.computed:
        outputs[path.partition(".")[0]] = _hidden(outputs[path.partition(".")[0]], path.split(".")[1:])
    return Materialised("", outputs, real.computed)


def _hidden(value: Any, path: list[str]) -> Any:
    return UNKNOWN if not path else {**value, path[0]: _hidden(value[path[0]], path[1:])}


def _in_region(scope: Scope, inputs: Mapping[str, Any]) -> Scope:
    return replace(scope, region=_text(inputs.get("region"))) if _text(inputs.get("region")) else scope


def _overlaid(identity: str, inputs: Mapping[str, Any], added: Mapping[str, Any]) -> Materialised:
    outputs = dict(inputs)
    computed: set[str] = set()
    for name, value in added.items():
        given = inputs.get(name)
        if isinstance(value, dict) and isinstance(given, dict):
            outputs[name] = {**value, **given}
            computed.update(f"{name}.{key}" for key in value.keys() - given.keys())
        elif given is None:
            outputs[name] = value
            computed.add(name)
    return Materialised(identity, outputs, frozenset(computed))


def has_identity(token: str) -> bool:
    """Whether the id form of a type is in the table; other types get an invented id."""
    return token in rows("identities") or token.startswith((schema.PROVIDER_PREFIX, "kubernetes:"))


class _Making:
    """One resource being made: resolves templates against inputs, the scope, and outputs made on demand.

    An output that was made from a secret is one; an id never is, since the engine keeps ids in the clear.
    """

    PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")

    def __init__(self, token: str, urn: str, inputs: Mapping[str, Any], scope: Scope, ordinal: int) -> None:
        row = rows("identities").get(token, {"id": "${hex:20}"})
        self.token, self.urn, self.inputs, self.scope, self.ordinal = token, urn, inputs, scope, ordinal
        self.templates: Mapping[str, Any] = {"id": row["id"], **self._common(), **row.get("outputs", {})}
        self.made: dict[str, Any] = {}
        self.open: set[str] = set()
        self.saw_secret = False

    def _common(self) -> dict[str, Any]:
        has = schema.properties(self.token).keys() | schema.output_only(self.token).keys()
        return {name: template for name, template in load("identities")["every"].items() if name in has}

    @property
    def id(self) -> str:
        """The cloud's id of the resource."""
        return str(self.value("id"))

    def added(self) -> dict[str, Any]:
        """Every output that the cloud adds, by name."""
        found = {name: self._make(name) for name in self.templates if name != "id"}
        for name, node in schema.output_only(self.token).items():
            if name not in found:
                found[name] = self._invent(node, name, DEPTH)
        return found

    def value(self, path: str) -> Any:
        """What a template path stands for: an input, an output, or a fact of the scope; None if there is none."""
        head, *rest = path.split(".")
        value = self._opened(self.inputs.get(head))
        if value is None and head in self.templates and head not in self.open:
            value = self._opened(self._make(head))
        if value is None:
            value = self._fact(head)
        for key in rest:
            value = self._opened(value.get(key)) if isinstance(value, dict) else None
        return value

    def _opened(self, value: Any) -> Any:
        self.saw_secret = self.saw_secret or isinstance(value, SecretValue)
        return _plain(value)

    def _make(self, name: str) -> Any:
        if name not in self.made:
            outside, self.saw_secret = self.saw_secret, False
            self.open.add(name)
            made = self._render(self.templates[name], name)
            self.made[name] = SecretValue(made) if self.saw_secret else made
            self.open.discard(name)
            self.saw_secret = outside
        return self.made[name]

    def _fact(self, name: str) -> str | None:
        _, partition, dns = next(row for row in PARTITIONS if self.scope.region.startswith(row[0]))
        facts = {"account": self.scope.account, "region": self.scope.region, "partition": partition, "dns": dns}
        return facts.get(name)

    def _render(self, template: Any, name: str) -> Any:
        if isinstance(template, str):
            return self._render_text(template, name)
        if isinstance(template, list):
            return [self._render(item, name) for item in template]
        if not isinstance(template, dict):
            return template
        if "$when" not in template:
            return {key: self._render(item, f"{name}.{key}") for key, item in template.items()}
        flag = template["$when"]
        holds = bool(self.value(flag.removeprefix("!"))) != flag.startswith("!")
        return self._render(template["$then"] if holds else template.get("$else"), name)

    def _render_text(self, template: str, name: str) -> Any:
        whole = self.PLACEHOLDER.fullmatch(template)
        if whole:
            return self._expand(whole[1], name)
        return self.PLACEHOLDER.sub(lambda found: str(self._expand(found[1], name)), template)

    def _expand(self, expression: str, name: str) -> Any:
        if expression == "autoname":
            return f"{self.urn.rpartition('::')[2]}-{tokens.draw('hex', 7, self._seed(name))}"
        if expression in tokens.MAKERS:
            return tokens.MAKERS[expression](self._seed(name))
        function, _, argument = expression.partition(":")
        if function in tokens.ALPHABETS:
            length, _, source = argument.partition(":")
            seed = f"{self.value(source)}" if source else self._seed(name)
            return tokens.draw(function, int(length), seed)
        if function in FILTERS:
            return FILTERS[function](str(self._path(argument, name)))
        return self._path(expression, name)

    def _path(self, expression: str, name: str) -> Any:
        path, _, default = expression.partition("|")
        value = self.value(path)
        if value is None or value is UNKNOWN:
            return default or f"{path}-{tokens.draw('hex', 8, self._seed(path))}"
        return value

    def _seed(self, name: str) -> str:
        return f"{self.urn}\0{self.ordinal}\0{name}"

    def _invent(self, node: schema.Node, name: str, depth: int) -> Any:
        match node:
            case schema.Scalar(kind):
                return f"{name}-{tokens.draw('hex', 8, self._seed(name))}" if kind is str else kind(0)
            case schema.Choice(values):
                return values[0]
            case schema.Items():
                return []
            case schema.Object(cls) if depth:
                needed = {key: field.node for key, field in schema.fields(cls).items() if field.required}
                return {key: self._invent(inner, f"{name}.{key}", depth - 1) for key, inner in needed.items()}
            case schema.Either(options):
                return self._invent(options[0], name, depth)
            case _:
                return {}


FILTERS: Mapping[str, Callable[[str], str]] = {
    "tail": lambda text: text.rpartition("/")[2],
    "suffix": lambda text: text.rpartition(".")[2],
    "schemeless": lambda text: text.removeprefix("https://"),
    "hyphens": lambda text: text.replace(".", "-"),
}
"""Functions that a template may apply to a path, as `${tail:policyArn}`."""


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, SecretValue) else value


def _text(value: Any) -> str:
    value = _plain(value)
    return value if isinstance(value, str) else ""


def _decoded(value: Any) -> Any:
    value = _plain(value)
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value
