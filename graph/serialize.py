"""A graph as JSON for people and scripts: complete, but for secrets, which become markers."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from graph.model import UNKNOWN, Graph, Resource, SecretValue

SECRET_MARKER: Final = {"$secret": True}
UNKNOWN_MARKER: Final = {"$unknown": True}


def to_json(graph: Graph) -> dict[str, Any]:
    """The whole graph as JSON values: `{"$secret": true}` stands for a secret, `{"$unknown": true}` for what is known after apply."""
    return {
        "project": graph.project,
        "stack": graph.stack,
        "resources": [resource_json(resource) for resource in graph],
        "outputs": value_json(graph.outputs),
    }


def resource_json(resource: Resource) -> dict[str, Any]:
    """One resource as JSON values; options that say nothing are left out."""
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "custom": resource.custom,
        "parent": resource.parent,
        "provider": resource.provider,
        "id": resource.id,
        "inputs": value_json(resource.inputs),
        "outputs": value_json(resource.outputs),
        "computed": sorted(resource.computed),
        "dependencies": list(resource.dependencies),
        "propertyDependencies": {name: list(urns) for name, urns in resource.property_dependencies.items()},
        "options": {name: value_json(value) for name, value in asdict(resource.options).items() if value not in (None, False, "", (), {})},
    }


def value_json(value: Any) -> Any:
    """A value as JSON, with markers."""
    if isinstance(value, SecretValue):
        return dict(SECRET_MARKER)
    if value is UNKNOWN:
        return dict(UNKNOWN_MARKER)
    if isinstance(value, Mapping):
        return {name: value_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [value_json(item) for item in value]
    return value
