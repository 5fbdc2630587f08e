"""A graph read from the engine's own state, as `pulumi stack export` prints it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from graph import wire
from graph.model import UNKNOWN, Graph, Options, Resource, SecretValue
from graph.urns import REFERENCE_TYPE, STACK_TYPE, Urn, own_urns, provider_urn

BUILT_IN_PROVIDER: Final = "pulumi:providers:pulumi"
"""The engine's provider for its own look-ups, which no program asks for."""


def from_deployment(exported: Mapping[str, Any]) -> Graph:
    """The graph of an exported stack, without what waits for deletion, the engine's provider for itself and references to other stacks.
    Secrets are marked.

    A secret exported as ciphertext holds `UNKNOWN`; with `--show-secrets` it holds its value.
    Raises ValueError if the state has no root stack, which is what an empty stack looks like.
    """
    rows = exported.get("deployment", exported).get("resources", [])
    resources = tuple(_resource(row) for row in rows if not row.get("delete") and row["type"] not in (BUILT_IN_PROVIDER, REFERENCE_TYPE))
    roots = [resource for resource in resources if resource.type == STACK_TYPE]
    if not roots:
        raise ValueError("the exported state holds no stack resource")
    root = Urn.parse(roots[0].urn)
    return Graph(root.project, root.stack, resources, roots[0].outputs)


def _resource(row: Mapping[str, Any]) -> Resource:
    inputs, outputs = _properties(row.get("inputs", {})), _properties(row.get("outputs", {}))
    return Resource(
        urn=row["urn"],
        type=row["type"],
        name=Urn.parse(row["urn"]).name,
        custom=bool(row.get("custom")),
        parent=row.get("parent", ""),
        inputs=inputs,
        id=row.get("id", ""),
        outputs=outputs,
        computed=frozenset(outputs.keys() - inputs.keys()) if row.get("custom") else frozenset(),
        provider=provider_urn(row.get("provider", "")),
        dependencies=own_urns(row.get("dependencies", ())),
        property_dependencies={name: own for name, urns in row.get("propertyDependencies", {}).items() if (own := own_urns(urns or ()))},
        options=_options(row),
    )


def _options(row: Mapping[str, Any]) -> Options:
    """What the state keeps of a resource's options: `delete_before_replace` and unused aliases are not in it."""
    return Options(
        protect=bool(row.get("protect")),
        retain_on_delete=bool(row.get("retainOnDelete")),
        ignore_changes=tuple(row.get("ignoreChanges", ())),
        replace_on_changes=tuple(row.get("replaceOnChanges", ())),
        additional_secret_outputs=tuple(row.get("additionalSecretOutputs", ())),
        aliases=tuple(row.get("aliases", ())),
        deleted_with=row.get("deletedWith", ""),
        import_id=row.get("importID", ""),
        timeouts={name: f"{amount:g}s" for name, amount in row.get("customTimeouts", {}).items() if amount},
    )


def _properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    return wire.without_internal({name: _value(value) for name, value in properties.items()})


def _value(value: Any) -> Any:
    match value:
        case float():
            return wire.number(value)
        case list():
            return [_value(item) for item in value]
        case {wire.SIGNATURE: wire.SECRET}:
            return SecretValue(_value(json.loads(value["plaintext"])) if "plaintext" in value else UNKNOWN)
        case {wire.SIGNATURE: _}:
            return wire.from_signed(value)
        case dict():
            return {name: _value(item) for name, item in value.items()}
        case wire.UNKNOWN_TEXT:
            return UNKNOWN
        case _:
            return value
