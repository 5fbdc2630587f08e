"""The restated algorithm of the cluster autoscaler agrees with every vector of upstream's own tests."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.nodes.autoscaler import EFFECTS, Instance, ScalingGroup, Shape, Unknown, build
from tests.nodes.quantities import amount, quantity

VECTORS = yaml.safe_load((Path(__file__).parent / "upstream.yaml").read_text("utf-8"))
MACHINES = {name: Instance(name=name, **row) for name, row in VECTORS["machines"].items()}
ZONE = ["us-east-1a"]


def built(row: dict[str, Any]) -> Shape:
    group = ScalingGroup(machine=row["machine"], zones=row.get("zones", ZONE), tags=row.get("tags", {}))
    return build(group, MACHINES, row.get("described"))


@pytest.mark.parametrize("row", VECTORS["nodes"], ids=lambda row: row["of"])
def test_an_imagined_node_is_upstreams(row: dict[str, Any]) -> None:
    node = built(row)
    has, lacks = row.get("has", {}), row.get("lacks", {})
    assert {name: Fraction(str(value)) for name, value in has.get("resources", {}).items()}.items() <= node.resources.items()
    assert has.get("labels", {}).items() <= node.labels.items()
    assert not set(lacks.get("resources", ())) & node.resources.keys()
    assert not set(lacks.get("labels", ())) & node.labels.keys()
    assert "taints" not in row or list(node.taints) == row["taints"]


@pytest.mark.parametrize("row", VECTORS["refused"], ids=lambda row: row["of"])
def test_a_group_of_which_nothing_can_be_imagined_is_left_alone(row: dict[str, Any]) -> None:
    with pytest.raises(Unknown):
        built(row)


def test_effects_of_taints_are_upstreams() -> None:
    assert VECTORS["effects"] == EFFECTS


@pytest.mark.parametrize(
    ("text", "number"), [("100m", "1/10"), ("2", "2"), ("20G", str(20 * 10**9)), ("80Gi", str(80 * 2**30)), ("1Ki", "1024")]
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, number: str) -> None:
    assert amount(text) == Fraction(number)
    assert amount(quantity(amount(text))) == amount(text)


@pytest.mark.parametrize("text", ["GG", "", "1KB", "Gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        amount(text)
