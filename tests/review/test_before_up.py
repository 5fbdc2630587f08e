"""What a review says must be so of an account before the first `up`."""

from pathlib import Path

import pytest

from components.accelerators import aws_machines
from components.catalogue.quotas import STANDARD, quota
from review.before_up import before_up, quotas
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        ("p5.48xlarge", "Running On-Demand P instances"),
        ("p6-b200.48xlarge", "Running On-Demand P instances"),
        ("gr6.4xlarge", "Running On-Demand G and VT instances"),
        ("trn2.48xlarge", "Running On-Demand Trn instances"),
        ("m7i.large", f"Running On-Demand {STANDARD} instances"),
        ("im4gn.large", f"Running On-Demand {STANDARD} instances"),
    ],
)
def test_each_family_counts_against_its_own_quota(machine: str, name: str) -> None:
    assert quota(machine, "on-demand") == name
    assert quota(machine, "spot").startswith("All ")


def test_nodes_count_at_their_most_by_how_they_are_bought() -> None:
    graph = evaluate(ROOT / "examples" / "Pulumi.karpenter.yaml").graph
    sixteen = aws_machines()["g6e.4xlarge"].vcpus
    assert quotas(graph) == {
        "All G and VT Spot Instance Requests": 6 * sixteen,
        "Running On-Demand G and VT instances": (6 + 4) * sixteen,
        "Running On-Demand P instances": 8 * 192,
        f"Running On-Demand {STANDARD} instances": 6 * 4,
    }
    assert sum("vCPUs when every pool" in note.text for note in before_up(graph)) == 4


def test_capacity_blocks_count_against_no_quota() -> None:
    assert not [name for name in quotas(evaluate(ROOT / "examples" / "Pulumi.p5-block.yaml").graph) if " P " in name]


def test_a_change_of_bounds_is_said_to_need_a_refresh_where_an_autoscaler_owns_the_size() -> None:
    def told(path: str) -> list[str]:
        return [note.text for note in before_up(evaluate(ROOT / path).graph) if "pulumi up --refresh" in note.text]

    assert len(told("Pulumi.dev.yaml")) == 1
    assert not told("Pulumi.onprem.yaml")
