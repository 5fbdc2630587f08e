"""Parts of a rehearsal with the real Kubernetes provider that need neither it nor an API server."""

from pathlib import Path

import pytest

from rehearsal.faults import FaultsInvalid
from rehearsal.real_provider import Wanted, merged, out_of_reach, refuse_kubernetes
from rehearsal.stackcopy import replaced
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[2]


def test_a_fault_of_a_kubernetes_object_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text('faults: [{operation: create, type: "aws:*", message: x}]')
    refuse_kubernetes(file)
    file.write_text('faults: [{operation: create, type: "kubernetes:core/v1:*", message: x}]')
    with pytest.raises(FaultsInvalid, match=r"leave out kubernetes:core/v1:\*"):
        refuse_kubernetes(file)


def test_a_stack_says_which_clusters_and_charts_it_needs() -> None:
    sets = {"keda": "keda", "cluster-autoscaler": ""}
    dev, onprem = (Wanted.of(evaluate(ROOT / f"Pulumi.{stack}.yaml").graph, sets) for stack in ("dev", "onprem"))
    assert len(dev.eks) == 1
    assert dev.contexts == []
    assert onprem.contexts == ["fra1-ml"]
    assert onprem.eks == []
    assert "keda" in dict(onprem.charts)
    assert onprem.definitions == {"keda": "keda"}
    both = merged([dev, onprem])
    assert both.eks == dev.eks
    assert both.contexts == onprem.contexts
    assert set(both.charts) == {*dev.charts, *onprem.charts}


def test_a_cluster_that_others_made_on_aws_is_out_of_reach() -> None:
    assert out_of_reach(evaluate(ROOT / "examples" / "Pulumi.existing-cluster.yaml").graph)
    assert not out_of_reach(evaluate(ROOT / "Pulumi.onprem.yaml").graph)
    assert not out_of_reach(evaluate(ROOT / "Pulumi.dev.yaml").graph)


def test_one_value_of_a_file_is_replaced_and_no_other_character() -> None:
    text = "# why\nconfig:\n  a: {kubeconfig: ~/.kube/x, other: 1} # here\n  kubeconfig: y\n"
    assert replaced(text, {("config", "a", "kubeconfig"): "/z"}) == text.replace("~/.kube/x", '"/z"')
    assert replaced(text, {("config", "none"): "/z"}) == text
