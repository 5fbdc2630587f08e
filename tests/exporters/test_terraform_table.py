"""The table of Terraform shapes speaks of properties that the installed SDK has."""

import pytest

from graph.exporters.shapes import shapes
from graph.types import schema

USED_MOST = sorted(
    token for token in shapes() if token.split(":")[1].split("/")[0] in {"ec2", "ecr", "eks", "iam", "kms", "rds", "s3", "vpc"}
)


def _resolves(node: schema.Node, parts: list[str]) -> bool:
    match node:
        case schema.Items(item):
            return _resolves(item, parts)
        case schema.Either(options):
            return any(_resolves(option, parts) for option in options)
        case schema.Object(cls) if parts:
            field = schema.fields(cls).get(parts[0])
            return field is not None and _resolves(field.node, parts[1:])
    return not parts


@pytest.mark.parametrize("token", USED_MOST)
def test_every_path_is_a_property_of_the_sdk(token: str) -> None:
    shape, properties = shapes()[token], schema.properties(token)
    paths = {*shape.names, *shape.one, *shape.maps, *shape.documents}
    missing = [p for p in sorted(paths) if not (field := properties.get(p.split(".")[0])) or not _resolves(field.node, p.split(".")[1:])]
    assert schema.known(token)
    assert missing == []
