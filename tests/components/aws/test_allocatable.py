"""Resources that a node group's tags promise: what the kubelet reports, and what the autoscaler would not know by itself."""

from dataclasses import replace

import pytest

from components.accelerators import aws_machines
from components.aws.capacity.allocatable import KUBE_PROXY, TEMPLATE, allocatable, disk_mib, template_tags
from components.aws.capacity.node_plan import ACCELERATOR_LABEL, plan_pool, plan_system
from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs

ZONES = ("us-west-2a",)


def pool(**fields: object) -> GpuPoolArgs:
    return GpuPoolArgs.model_validate({"max": 2, **fields})


def test_the_disk_is_what_a_kubelet_reported() -> None:
    """A node of 20 GiB in bottlerocket#1563: 17933882132 bytes allocatable; never more is promised, and not much less."""
    plan = plan_system(SystemPoolArgs.model_validate({"machine": "m7i.large", "disk": "20GiB"}), ZONES)
    promised = disk_mib(plan, aws_machines()[plan.machine]) * 2**20
    assert 0.98 * 17933882132 < promised <= 17933882132


def test_the_memory_is_no_more_than_a_kubelet_reported() -> None:
    """A machine of 8192 MiB with 29 pods in bottlerocket#1563: 7154608Ki allocatable of 7844784Ki."""
    plan = plan_system(SystemPoolArgs.model_validate({"machine": "m7i.large", "pods": 29}), ZONES)
    promised = int(allocatable(plan)["memory"].removesuffix("Mi")) * 1024
    assert 0.98 * 7154608 < promised <= 7154608


def test_what_the_autoscaler_cannot_know_is_told() -> None:
    (plan,) = plan_pool("p", pool(accelerator="h100", machine="p5.48xlarge", fabric="efa", zones=ZONES), ZONES)
    told = {key.removeprefix(TEMPLATE): value for key, value in template_tags(plan).items()}
    assert {key: told[key] for key in ("nvidia.com/gpu", "vpc.amazonaws.com/efa", "hugepages-2Mi", "pods")} == {
        "nvidia.com/gpu": "8",
        "vpc.amazonaws.com/efa": "32",
        "hugepages-2Mi": "10256Mi",
        "pods": "250",
    }
    assert int(told["ephemeral-storage"].removesuffix("Mi")) > 20_000_000, "images and scratch are on 30 TB of local disks"
    assert int(told["cpu"].removesuffix("m")) - KUBE_PROXY == int(allocatable(plan)["cpu"].removesuffix("m"))


@pytest.mark.parametrize(
    ("fields", "devices"),
    [
        ({"accelerator": "trainium", "machine": "trn1.32xlarge"}, {"aws.amazon.com/neuron": 16, "aws.amazon.com/neuroncore": 32}),
        ({"accelerator": "trainium2", "machine": "trn2.48xlarge"}, {"aws.amazon.com/neuron": 16}),
        ({"accelerator": "l4", "machine": "g6.12xlarge", "sharing": {"kind": "time-slicing", "replicas": 4}}, {"nvidia.com/gpu": 16}),
        (
            {
                "accelerator": "h100",
                "machine": "p5.48xlarge",
                "image": "al2023",
                "sharing": {"kind": "mig", "profile": "1g.10gb", "strategy": "mixed"},
            },
            {"nvidia.com/gpu": 0, "nvidia.com/mig-1g.10gb": 56},
        ),
    ],
)
def test_devices_are_those_that_plugins_announce(fields: dict[str, object], devices: dict[str, int]) -> None:
    (plan,) = plan_pool("p", pool(**fields), ZONES)
    assert plan.devices == devices
    assert (ACCELERATOR_LABEL in plan.labels) == bool(devices.get("nvidia.com/gpu")), "such a node is never ready to the autoscaler"


def test_the_least_of_several_machines_counts() -> None:
    (plan,) = plan_pool("p", pool(accelerator="l40s", machine="g6e.2xlarge", machines=["g6e.4xlarge"]), ZONES)
    assert allocatable(plan)["cpu"] == allocatable(replace(plan, machines=("g6e.2xlarge",)))["cpu"]
    assert allocatable(plan)["ephemeral-storage"] == allocatable(replace(plan, machines=("g6e.2xlarge",)))["ephemeral-storage"]
