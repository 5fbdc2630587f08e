"""Every managed node group of a pool grows from zero: what the autoscaler imagines is what will come, and its pods fit it.

A quick look, without a scheduler; test_scheduler.py has the real one place the same pods.
"""

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.assertions.graphs import on_aws
from tests.nodes.autoscaler import GPU_LABEL
from tests.nodes.judged import Group, all_of, auto_mode, groups
from tests.nodes.verdicts import differences, placed, verdicts

TOLD = (
    "cpu",
    "memory",
    "pods",
    "ephemeral-storage",
    "hugepages-2Mi",
    "vpc.amazonaws.com/efa",
    "aws.amazon.com/neuron",
    "aws.amazon.com/neuroncore",
    "nvidia.com/gpu",
)
"""Resources that tags must tell."""


@pytest.fixture(scope="module")
def every() -> tuple[Group, ...]:
    return groups()


def test_every_group_grows_from_zero(every: tuple[Group, ...]) -> None:
    assert {group.stack: list(verdicts(group)) for group in every if list(verdicts(group))} == {}
    assert [group.name for group in every if list(placed(group, all_of(group)))] == []


def test_enough_is_looked_at(every: tuple[Group, ...]) -> None:
    stacks = {group.stack for group in every}
    assert set(on_aws()) - stacks == {*auto_mode(), "karpenter", "rollouts", "existing-cluster", "team-vision"} & set(on_aws())
    assert len([group for group in every if not group.least]) >= 20
    assert sum(len(group.pods) for group in every) >= len(every)
    assert {name for group in every for name in group.told()} >= set(TOLD)


@pytest.mark.parametrize("resource", TOLD)
def test_a_missing_tag_is_found(every: tuple[Group, ...], resource: str) -> None:
    """Wherever the autoscaler does not know by itself what the tag says: 110 pods, whole GPUs."""
    bare = [group.without(resource) for group in every if resource in group.told()]
    wrong = [less for group, less in zip((g for g in every if resource in g.told()), bare, strict=True) if less.imagined != group.imagined]
    assert wrong
    assert [group.name for group in wrong if not list(verdicts(group))] == []


def test_a_tag_that_promises_too_much_is_found(every: tuple[Group, ...]) -> None:
    group = every[0]
    more = {**group.imagined.resources, "memory": group.imagined.resources["memory"] + 2**30}
    found = list(differences(replace(group, imagined=replace(group.imagined, resources=more))))
    assert "nodes are added for ever" in found[0]
    assert list(placed(replace(group, imagined=replace(group.imagined, resources=more)), all_of(group, beyond=Fraction(2**29))))


def test_a_label_that_keeps_nodes_from_being_ready_is_found(every: tuple[Group, ...]) -> None:
    neuron = [group for group in every if "aws.amazon.com/neuron" in group.told()]
    assert neuron
    for group in neuron:
        labelled = replace(group, real=replace(group.real, labels={**group.real.labels, GPU_LABEL: "trainium"}))
        assert any("never ready" in text for text in verdicts(labelled))


def test_a_pod_that_nothing_tolerates_is_found(every: tuple[Group, ...]) -> None:
    group = next(group for group in every if group.stack == "dev" and "chat" in str(group.pods))
    spec = {**group.pods[0].spec, "tolerations": []}
    assert "a toleration of nvidia.com/gpu" in " ".join(placed(group, replace(group.pods[0], spec=spec)))
