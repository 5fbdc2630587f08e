"""Shared GPUs: what nodes announce, what is set for it, and what is refused with the way out."""

import tomllib
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from components.accelerators import Machine, aws_machines
from components.aws.capacity.sharing import (
    MigSharing,
    MpsSharing,
    Share,
    SharingArgs,
    TimeSlicing,
    mig_accelerators,
    problems,
    profiles,
    share,
)
from components.aws.capacity.user_data import toml
from components.catalogue.devices import devices


def mig(profile: str, strategy: Any = "single") -> MigSharing:
    return MigSharing(kind="mig", profile=profile, strategy=strategy)


P5, G6E, G5G = (aws_machines()[name] for name in ("p5.48xlarge", "g6e.12xlarge", "g5g.xlarge"))


@pytest.mark.parametrize(
    ("args", "machine", "resource", "per_node", "memory"),
    [
        (mig("1g.10gb"), P5, "nvidia.com/gpu", 56, 9536),
        (mig("3g.40gb", "mixed"), P5, "nvidia.com/mig-3g.40gb", 16, 38146),
        (mig("1g.5gb"), aws_machines()["p4d.24xlarge"], "nvidia.com/gpu", 56, 4768),
        (mig("1g.24gb"), aws_machines()["g7e.2xlarge"], "nvidia.com/gpu", 4, 22888),
        (TimeSlicing(kind="time-slicing", replicas=4), G6E, "nvidia.com/gpu", 16, 11444),
        (MpsSharing(kind="mps", replicas=2), G5G, "nvidia.com/gpu", 2, 8192),
    ],
)
def test_what_a_node_announces(args: SharingArgs, machine: Machine, resource: str, per_node: int, memory: int) -> None:
    told = share(args, machine)
    assert (told.resource, told.per_node, told.memory_mib) == (resource, per_node, memory)


def test_parts_never_hold_more_memory_or_engines_than_their_gpu() -> None:
    for machine in aws_machines().values():
        for profile in profiles(machine.accelerator, machine.accelerator_memory_mib).values():
            engines = int(profile.name[0]) * profile.instances
            assert engines <= 7, (machine.name, profile)
            assert profile.memory_mib * profile.instances <= machine.accelerator_memory_mib, (machine.name, profile)


def test_gpus_with_mig_are_those_of_generations_that_have_it() -> None:
    assert mig_accelerators() == ("a100", "b200", "b300", "h100", "h200", "rtx-pro-6000")
    assert {devices()[name].architecture for name in mig_accelerators()} == {"ampere", "hopper", "blackwell"}
    used = {(m.accelerator, m.accelerator_memory_mib) for m in aws_machines().values()}
    for name in mig_accelerators():
        assert any(profiles(*gpu) for gpu in used if gpu[0] == name), f"the profiles of {name} are for a memory size that no machine has"


@pytest.mark.parametrize(
    ("args", "machine", "family", "path", "told"),
    [
        (mig("1g.5gb"), "p5.48xlarge", "bottlerocket", ("profile",), "it has 1g.10gb, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb"),
        (mig("1g.10gb"), "p4de.24xlarge", "bottlerocket", (), ""),
        (mig("1g.10gb"), "g6e.12xlarge", "bottlerocket", (), "does not cut l40s; it cuts a100, b200, b300"),
        (mig("1g.34gb"), "p6-b300.48xlarge", "bottlerocket", (), "Bottlerocket does not cut b300: set image: al2023, or take"),
        (mig("1g.34gb"), "p6-b300.48xlarge", "al2023", (), ""),
        (mig("1g.10gb", "mixed"), "p5.48xlarge", "bottlerocket", ("strategy",), "set strategy: single, or image: al2023"),
        (mig("1g.10gb", "mixed"), "p5.48xlarge", "al2023", (), ""),
        (TimeSlicing(kind="time-slicing", replicas=2), "trn2.48xlarge", "bottlerocket", (), "trn2.48xlarge has trainium2"),
        (TimeSlicing(kind="time-slicing", replicas=2), "g6.xlarge", "bottlerocket", (), ""),
        (MpsSharing(kind="mps", replicas=48), "g6.xlarge", "al2023", (), ""),
    ],
)
def test_what_cannot_be_shared_is_refused_with_the_way_out(args: SharingArgs, machine: str, family: Any, path: Any, told: str) -> None:
    found = list(problems(args, aws_machines()[machine], family, fabric=False, told=True))
    assert bool(found) == bool(told)
    if told:
        assert found[0][0] == path
        assert told in found[0][1]


@pytest.mark.parametrize("replicas", [0, 1, 49])
def test_replicas_are_a_number_of_pods_that_share(replicas: int) -> None:
    with pytest.raises(ValidationError, match="replicas"):
        TypeAdapter(SharingArgs).validate_python({"kind": "mps", "replicas": replicas})


def settings(told: Share) -> dict[str, Any]:
    """Bottlerocket's settings as its TOML reads back."""
    tables = tomllib.loads(toml("settings.kubelet-device-plugins.nvidia", told.bottlerocket))
    nvidia: dict[str, Any] = tables["settings"]["kubelet-device-plugins"]["nvidia"]
    return nvidia


def test_bottlerocket_is_told_of_parts_by_the_name_it_has_for_the_gpu() -> None:
    assert settings(share(mig("1g.10gb"), P5)) == {
        "device-partitioning-strategy": "mig",
        "mig": {"profile": {"h100.80gb": "1g.10gb"}},
    }


def test_bottlerocket_keeps_the_name_of_the_resource_so_that_autoscalers_know_it() -> None:
    turns = settings(share(TimeSlicing(kind="time-slicing", replicas=4), G6E))
    assert turns == {
        "device-sharing-strategy": "time-slicing",
        "time-slicing": {"replicas": 4, "rename-by-default": False, "fail-requests-greater-than-one": True},
    }
    limits = settings(share(MpsSharing(kind="mps", replicas=3), G6E))
    assert limits == {"device-sharing-strategy": "mps", "mps": {"replicas": 3, "rename-by-default": False}}


def test_the_device_plugin_is_told_the_same() -> None:
    assert share(TimeSlicing(kind="time-slicing", replicas=4), G6E).plugin["sharing"] == {
        "timeSlicing": {
            "renameByDefault": False,
            "failRequestsGreaterThanOne": True,
            "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
        }
    }
    assert share(mig("1g.10gb", "mixed"), P5).plugin["flags"] == {"migStrategy": "mixed"}
    assert share(mig("1g.10gb"), P5).node_labels == {"nvidia.com/mig.config": "all-1g.10gb"}


def test_the_contract_says_what_keeps_pods_apart_and_what_is_not_measured() -> None:
    cut, turns, limits = (
        share(args, P5).contract
        for args in (mig("1g.10gb"), TimeSlicing(kind="time-slicing", replicas=4), MpsSharing(kind="mps", replicas=4))
    )
    assert (cut.isolation, turns.isolation, limits.isolation) == ("hardware", "none", "limits")
    assert (cut.sees, turns.sees, limits.sees) == (1, 4, 4)
    assert "DCGM_FI_DEV_GPU_UTIL is not reported" in " ".join(cut.consequences)
    assert "name no pod" in " ".join(turns.consequences)
    assert "a fault of one ends all" in " ".join(limits.consequences)


def test_karpenter_starts_no_node_for_parts_by_profile() -> None:
    ((path, text),) = problems(mig("1g.10gb", "mixed"), P5, "al2023", fabric=False, told=False)
    assert path == ("strategy",)
    assert "does not know that a new node announces nvidia.com/mig-1g.10gb: remove karpenter" in text
    assert list(problems(mig("1g.10gb"), P5, "al2023", fabric=False, told=False)) == []


def test_shares_have_no_fabric() -> None:
    ((path, text),) = problems(TimeSlicing(kind="time-slicing", replicas=2), P5, "bottlerocket", fabric=True, told=True)
    assert path == ()
    assert "set fabric: none" in text


def test_nothing_is_no_table() -> None:
    assert toml("settings.x", {}) == ""
