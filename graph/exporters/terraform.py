"""The cloud side of a graph as a Terraform plan in JSON: the one format that infrastructure scanners agree to read.

Only what scanners use is written: planned values, and expressions that say which resource a value came from, so that a bucket and
its split configuration join. It is no plan that Terraform could apply.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from graph.exporters.expressions import References
from graph.exporters.markers import masked, plain
from graph.exporters.shapes import Shape, shape_of, terraform_version
from graph.model import UNKNOWN, Graph, Resource, SecretValue

FORMAT_VERSION: Final = "1.2"
_NOT_OURS: Final = "kubernetes:"


def exported(graph: Graph) -> tuple[Resource, ...]:
    """What a plan holds: every custom resource but Kubernetes objects, which have manifests of their own."""
    return tuple(r for r in graph.custom if not r.type.startswith(_NOT_OURS))


def terraform_plan(graph: Graph) -> dict[str, Any]:
    """The plan JSON of a graph's cloud resources, in registration order.

    Secrets are markers of the same JSON type; unknown values are left out, as Terraform does.
    Raises UnmappedType for a resource type without a row in terraform.json.
    """
    found = exported(graph)
    shapes = {r.urn: shape_of(r.type, r.urn) for r in found}
    addresses = _addresses(found, shapes)
    references = References(graph, addresses)
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": terraform_version(),
        "planned_values": {"root_module": {"resources": [_planned(r, shapes[r.urn], addresses[r.urn]) for r in found]}},
        "configuration": {
            "provider_config": {r.name: _provider(r) for r in _providers(graph, found)},
            "root_module": {"resources": [_configured(r, shapes[r.urn], addresses[r.urn], references) for r in found]},
        },
    }


def _addresses(found: Sequence[Resource], shapes: Mapping[str, Shape]) -> dict[str, str]:
    """Address by URN; logical names that two resources of a type share get a hash of the URN."""
    wanted = {r.urn: f"{shapes[r.urn].type}.{_identifier(r.name)}" for r in found}
    taken = Counter(wanted.values())
    return {urn: at if taken[at] == 1 else f"{at}-{hashlib.sha256(urn.encode()).hexdigest()[:8]}" for urn, at in wanted.items()}


def _identifier(name: str) -> str:
    text = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return text if re.match(r"[A-Za-z_]", text) else f"_{text}"


def _head(address: str) -> dict[str, str]:
    kind, _, name = address.partition(".")
    return {"address": address, "mode": "managed", "type": kind, "name": name}


def _planned(resource: Resource, shape: Shape, address: str) -> dict[str, Any]:
    return {**_head(address), "provider_name": "registry.terraform.io/hashicorp/aws", "values": _block(resource.inputs, shape, "")}


def _configured(resource: Resource, shape: Shape, address: str, references: References) -> dict[str, Any]:
    expressions, elsewhere = references.expressions(resource, shape)
    head = {**_head(address), "provider_config_key": resource.provider.rpartition("::")[2], "expressions": expressions}
    return {**head, "depends_on": elsewhere} if elsewhere else head


def _providers(graph: Graph, found: Sequence[Resource]) -> list[Resource]:
    used = {r.provider for r in found}
    return [r for r in graph if r.urn in used]


def _provider(resource: Resource) -> dict[str, Any]:
    region = plain(resource.inputs.get("region"))
    return {"name": "aws", "alias": resource.name, "expressions": {"region": {"constant_value": region}} if region else {}}


def _block(values: Mapping[str, Any], shape: Shape, path: str) -> dict[str, Any]:
    """An object's properties under Terraform's names; unknown ones are left out."""
    places = {f"{path}.{key}" if path else key: value for key, value in values.items()}
    return {shape.name(place): _value(value, shape, place) for place, value in places.items() if value is not UNKNOWN}


def _value(value: Any, shape: Shape, path: str) -> Any:
    if isinstance(value, SecretValue):
        return masked(_value(value.value, shape, path))
    if path in shape.documents and isinstance(value, Mapping):
        return json.dumps(plain(value), sort_keys=True)
    shaped = plain(value) if shape.is_leaf(path) else _nested(value, shape, path)
    return [shaped] if path in shape.one and not isinstance(value, list | tuple) else shaped


def _nested(value: Any, shape: Shape, path: str) -> Any:
    """Lists keep a null where an item is unknown, so that positions hold."""
    if isinstance(value, Mapping):
        return _block(value, shape, path)
    if isinstance(value, list | tuple):
        return [None if item is UNKNOWN else _item(item, shape, path) for item in value]
    return value


def _item(value: Any, shape: Shape, path: str) -> Any:
    return masked(_item(value.value, shape, path)) if isinstance(value, SecretValue) else _nested(value, shape, path)
