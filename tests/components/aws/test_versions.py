"""The version matrix is well formed and sourced, and its checks refuse what cannot run and let pass what can."""

import re
from typing import get_args

import botocore.session
import pytest

from components.accelerators import aws_machines, unfit
from components.aws.cluster.args import ClusterArgs
from components.aws.cluster.compatibility import (
    cuda_problems,
    drives,
    image_for,
    image_problems,
    operator_labels,
    operator_values,
    plugin_problems,
    runs,
)
from components.aws.cluster.upgrades import skew_problems, support, upgrade_path, upgrade_problems
from components.aws.cluster.versions import Row, build, drivers_of, images, matrix, minors, number, operator
from components.catalogue.devices import devices

BOTTLEROCKET, AL2023, NEURON = "BOTTLEROCKET_x86_64_NVIDIA", "AL2023_x86_64_NVIDIA", "AL2023_x86_64_NEURON"
FIT = sorted(name for name, machine in aws_machines().items() if not unfit(machine, neuron=True))


def every_row() -> list[Row]:
    table = matrix()
    return [*table.kubernetes, *table.images, *table.releases, *table.drivers, *table.needs, *table.operators, *table.efa]


def test_every_row_says_where_it_was_read_and_nothing_is_the_latest() -> None:
    assert len(every_row()) > 30
    for row in every_row():
        assert len(row.source) > 10
        assert row.verify is None or len(row.verify) > 10
        pinned = {name: value for name, value in row if name not in ("source", "verify")}
        assert "latest" not in str(pinned).lower()


def test_images_are_types_that_eks_has() -> None:
    known = botocore.session.get_session().get_service_model("eks").shape_for("AMITypes").enum
    assert set(images()) <= set(known)
    accelerated = {name for name in known if re.search("NVIDIA|NEURON|GPU", name)}
    assert accelerated <= set(images())
    for image in images().values():
        assert ("ARM_64" in image.type) == (image.architecture == "arm64")
        assert image.type.endswith("FIPS") == image.fips


def test_every_version_that_a_cluster_may_have_is_in_the_matrix() -> None:
    offered = get_args(ClusterArgs.model_fields["version"].annotation)
    assert offered
    assert set(offered) <= set(minors())


def test_references_between_tables_resolve() -> None:
    branches = {row.branch for row in matrix().drivers}
    assert {branch for row in matrix().releases for branch in row.drivers} <= branches
    assert {row.accelerator for row in matrix().needs} <= set(devices())
    assert {name for row in matrix().drivers for name in row.drops} <= {device.architecture for device in devices().values()}
    for row in matrix().releases:
        assert row.minors is None or set(row.minors) <= set(minors())
        assert build(row.family, row.since)
    numbers = [number(minor) for minor in minors()]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.parametrize("name", FIT)
def test_every_machine_fit_for_a_pool_has_an_image_that_runs_it_on_every_minor(name: str) -> None:
    machine = aws_machines()[name]
    image = image_for(machine, "al2023" if machine.neuron or name.startswith("g7.") else "bottlerocket")
    assert (images()[image].accelerators == "neuron") == machine.neuron
    for minor in minors():
        assert list(image_problems(image, minor, machine)) == []


@pytest.mark.parametrize(
    ("image", "minor", "machine", "release", "told"),
    [
        ("AL2_x86_64_GPU", "1.33", "p5.48xlarge", None, "ends with Kubernetes 1.32, and EKS refuses it on 1.33: take AL2023_x86_64_NVIDIA"),
        (BOTTLEROCKET, "1.34", "g5g.xlarge", None, "does not drive g5g.xlarge: take AL2023_ARM_64_NVIDIA"),
        (BOTTLEROCKET, "1.34", "trn2.48xlarge", None, "does not drive trn2.48xlarge: take AL2023_x86_64_NEURON"),
        (NEURON, "1.34", "g6.xlarge", None, "does not drive g6.xlarge: take AL2023_x86_64_NVIDIA"),
        (AL2023, "1.34", "g7.2xlarge", "1.34.9-20260714", "needs NVIDIA driver 595, and 1.34.9-20260714 has 580: hold release 20260917"),
        (BOTTLEROCKET, "1.34", "g7.2xlarge", "1.53.0-1a2b3c4d", "hold release 1.66.0 or later"),
        (BOTTLEROCKET, "1.21", "g6.xlarge", None, "Kubernetes 1.21 is not in the version matrix, which has 1.31"),
        ("AL2023_x86_64_GPU", "1.34", "g6.xlarge", None, "is not an image type of accelerated nodes; there are AL2_x86_64_GPU"),
    ],
)
def test_what_cannot_run_is_refused_with_what_can(image: str, minor: str, machine: str, release: str | None, told: str) -> None:
    assert told in "; ".join(image_problems(image, minor, aws_machines()[machine], release))


@pytest.mark.parametrize(
    ("image", "minor", "machine", "release"),
    [
        ("AL2_x86_64_GPU", "1.32", "p5.48xlarge", None),
        (AL2023, "1.34", "g7.2xlarge", "1.34.9-20260917"),
        (AL2023, "1.34", "g7.2xlarge", None),
        (BOTTLEROCKET, "1.34", "p3dn.24xlarge", "1.68.0-1a2b3c4d"),
        (BOTTLEROCKET, "1.34", "p6-b200.48xlarge", "1.53.0-12345678"),
        ("BOTTLEROCKET_ARM_64_NVIDIA", "1.37", "g5g.xlarge", None),
        (NEURON, "1.37", "trn2.48xlarge", "1.37.0-20261112"),
    ],
)
def test_what_can_run_passes(image: str, minor: str, machine: str, release: str | None) -> None:
    assert list(image_problems(image, minor, aws_machines()[machine], release)) == []


def test_a_release_older_than_all_that_is_known_is_not_judged() -> None:
    assert drivers_of(images()[BOTTLEROCKET], "1.34", "1.50.0-1a2b3c4d") is None
    assert list(image_problems(BOTTLEROCKET, "1.34", aws_machines()["p6-b200.48xlarge"], "1.50.0-1a2b3c4d")) == []


def test_a_release_of_one_minor_counts_for_that_minor_alone() -> None:
    assert drivers_of(images()[BOTTLEROCKET], "1.37", "1.66.0-1a2b3c4d") == (580, 595)
    assert drivers_of(images()[BOTTLEROCKET], "1.36", "1.66.0-1a2b3c4d") == (580,)


def test_an_image_family_without_an_image_for_a_machine_names_those_that_have() -> None:
    with pytest.raises(ValueError, match=r"trn2.48xlarge has no bottlerocket with FIPS image; these drive it: AL2023_x86_64_NEURON"):
        image_for(aws_machines()["trn2.48xlarge"], "bottlerocket", fips=True)
    assert image_for(aws_machines()["p5.48xlarge"], "bottlerocket", fips=True) == "BOTTLEROCKET_x86_64_NVIDIA_FIPS"


def test_volta_ends_with_580_and_blackwell_begins_after_535() -> None:
    assert runs(580, "v100")
    assert not runs(595, "v100")
    assert not runs(535, "b200")
    assert runs(535, "l4")


def test_cuda_newer_than_the_driver_is_refused() -> None:
    assert list(cuda_problems(13, BOTTLEROCKET, "1.34")) == []
    (told,) = cuda_problems(14, BOTTLEROCKET, "1.34", "1.53.0-1a2b3c4d")
    assert told == "CUDA 14 is newer than CUDA 13 of 1.53.0-1a2b3c4d: build for CUDA 13"


@pytest.mark.parametrize(
    ("image_types", "installed", "auto_mode", "told"),
    [
        ([BOTTLEROCKET], [], False, ""),
        ([BOTTLEROCKET], ["gpu-operator"], False, "announces nvidia.com/gpu itself, and gpu-operator would do so again"),
        ([AL2023], ["gpu-operator"], False, ""),
        ([AL2023], [], False, "nothing announces nvidia.com/gpu on AL2023_x86_64_NVIDIA: install device-plugin or gpu-operator"),
        ([AL2023], ["gpu-operator", "device-plugin"], False, "announced by device-plugin and gpu-operator: keep one"),
        ([NEURON], [], False, "nothing announces aws.amazon.com/neuron on AL2023_x86_64_NEURON: install neuron-plugin"),
        ([NEURON, BOTTLEROCKET], ["neuron-plugin"], False, ""),
        ([AL2023], [], True, ""),
        ([AL2023], ["device-plugin"], True, "would do so again"),
        ([], [], False, ""),
    ],
)
def test_every_node_has_one_announcer(image_types: list[str], installed: list[str], auto_mode: bool, told: str) -> None:
    problems = list(plugin_problems(image_types, installed, auto_mode=auto_mode))
    assert bool(problems) == bool(told)
    assert told in "; ".join(problems)


def test_the_operator_installs_nothing_that_an_image_has() -> None:
    assert operator_values([AL2023]) == {"driver": {"enabled": False}, "toolkit": {"enabled": False}, "devicePlugin": {"enabled": True}}
    assert operator_values([BOTTLEROCKET])["devicePlugin"] == {"enabled": False}
    assert operator_values([BOTTLEROCKET, AL2023])["devicePlugin"] == {"enabled": True}
    assert operator_labels(BOTTLEROCKET) == {"nvidia.com/gpu.deploy.operands": "false"}
    assert operator_labels(AL2023) == {}
    assert operator("v26.7.0").device_plugin == "v0.20.0"


def test_an_upgrade_goes_through_every_minor_in_order() -> None:
    path = upgrade_path("1.33", "1.35")
    assert [step.minor for step in path] == ["1.34", "1.35"]
    assert [action.split()[0] for action in path[0].actions] == ["read", "control", "add-ons", "node"]
    assert upgrade_path("1.35", "1.35") == ()


@pytest.mark.parametrize(
    ("running", "wanted", "told"),
    [
        ("1.33", "1.34", ""),
        ("1.34", "1.34", ""),
        ("1.33", "1.36", "EKS updates one at a time: bring up 1.34, then 1.35, then 1.36"),
        ("1.35", "1.34", "cannot go back from 1.35 to 1.34: set version 1.35"),
        ("1.34", "1.99", "Kubernetes 1.99 is not in the version matrix"),
    ],
)
def test_skipped_minors_and_ways_back_are_refused_with_the_way_on(running: str, wanted: str, told: str) -> None:
    problems = list(upgrade_problems(running, wanted))
    assert bool(problems) == bool(told)
    assert told in "; ".join(problems)


def test_nodes_may_be_three_minors_behind_and_never_ahead() -> None:
    assert list(skew_problems("1.36", "1.33")) == []
    assert "4 minors behind 1.37" in "".join(skew_problems("1.37", "1.33"))
    assert "update it first" in "".join(skew_problems("1.34", "1.35"))


def test_the_calendar_says_what_it_knows() -> None:
    told = "Kubernetes 1.34 has standard support until 2026-12-02, extended support, which costs more by the hour, until 2027-12-02"
    assert support("1.34") == told
    assert support("1.37") == support("1.99") == ""


def test_neuron_images_drive_every_neuron_machine_and_no_other() -> None:
    for machine in aws_machines().values():
        if machine.accelerator:
            assert drives(images()[NEURON], machine) == machine.neuron, machine.name
