"""The machine table says what EC2 says."""

from typing import Any

import pytest

from components.accelerators import NOT_NVIDIA, aws_accelerators, aws_machines, nearest, unfit
from tests.ec2 import ec2


def devices(facts: dict[str, Any]) -> tuple[float, int] | None:
    """(number of GPUs, MiB of each), as EC2 reports them; None for machines with other devices or none."""
    if "GpuInfo" not in facts or facts["GpuInfo"]["Gpus"][0]["Manufacturer"] != "NVIDIA":
        return None
    gpu = facts["GpuInfo"]["Gpus"][0]
    return gpu["LogicalGpuCount"] * gpu["GpuPartitionSize"], gpu["MemoryInfo"]["SizeInMiB"]


def test_every_row_agrees_with_ec2() -> None:
    for name, machine in aws_machines().items():
        facts = ec2()[name]
        assert machine.architecture in facts["ProcessorInfo"]["SupportedArchitectures"], name
        assert (machine.vcpus, machine.memory_mib) == (facts["VCpuInfo"]["DefaultVCpus"], facts["MemoryInfo"]["SizeInMiB"]), name


def test_every_gpu_agrees_with_ec2() -> None:
    known = {name: found for name, facts in ec2().items() if name in aws_machines() and (found := devices(facts))}
    assert len(known) > 50
    for name, (count, memory) in known.items():
        machine = aws_machines()[name]
        assert machine.accelerator, name
        assert machine.accelerator not in NOT_NVIDIA, name
        assert machine.accelerator_memory_mib == memory, name
        assert machine.accelerators == pytest.approx(count), name


def test_network_cards_disks_and_ways_of_buying_agree_with_ec2() -> None:
    for name, machine in aws_machines().items():
        facts = ec2()[name]
        cards = [(c["MaximumNetworkInterfaces"], "efa" in c.get("InterfaceTypes", [])) for c in facts["NetworkInfo"]["NetworkCards"]]
        assert [(card.interfaces, card.efa) for card in machine.cards] == cards, name
        assert machine.efa_max == facts["NetworkInfo"].get("EfaInfo", {}).get("MaximumEfaInterfaces", 0), name
        assert machine.addresses == facts["NetworkInfo"]["Ipv4AddressesPerInterface"], name
        assert machine.nitro == (facts.get("Hypervisor") == "nitro"), name
        assert facts["NetworkInfo"]["DefaultNetworkCardIndex"] == 0, name
        storage = facts.get("InstanceStorageInfo", {})
        nvme = storage if storage.get("NvmeSupport") in ("supported", "required") else {}
        disks = sum(disk["Count"] for disk in nvme.get("Disks", []))
        assert (machine.nvme_gb, machine.nvme_disks) == (nvme.get("TotalSizeInGB", 0), disks), name
        assert machine.sold == set(facts["SupportedUsageClasses"]), name


def test_every_neuron_device_agrees_with_ec2() -> None:
    known = {name: facts["NeuronInfo"]["NeuronDevices"][0] for name, facts in ec2().items() if "NeuronInfo" in facts}
    assert len(known) >= 13
    for name, device in known.items():
        machine = aws_machines()[name]
        told = (device["Name"].lower(), device["Count"], device["MemoryInfo"]["SizeInMiB"], device["CoreInfo"]["Count"])
        assert (machine.accelerator, machine.accelerators, machine.accelerator_memory_mib, machine.cores) == told
        assert machine.resource == "aws.amazon.com/neuron"
        assert unfit(machine, neuron=True) == ""


def test_machines_without_gpus_have_none_in_the_table() -> None:
    plain = [m for name, m in aws_machines().items() if not {"GpuInfo", "NeuronInfo", "InferenceAcceleratorInfo"} & ec2()[name].keys()]
    assert len(plain) > 1_000
    assert not [machine.name for machine in plain if machine.accelerator]


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        ("m7i.large", "no accelerator"),
        ("inf2.xlarge", "not an NVIDIA GPU"),
        ("trn1.32xlarge", "not an NVIDIA GPU"),
        ("g6f.large", "a share of one"),
    ],
)
def test_machines_that_cannot_form_a_gpu_pool_say_why(machine: str, reason: str) -> None:
    assert reason in unfit(aws_machines()[machine])


@pytest.mark.parametrize(
    "machine", ["g6.xlarge", "g6e.12xlarge", "p5.48xlarge", "p6-b200.48xlarge", "g5g.xlarge", "g7.2xlarge", "g7e.48xlarge"]
)
def test_gpu_machines_are_fit(machine: str) -> None:
    assert unfit(aws_machines()[machine]) == ""


def test_accelerators_are_those_of_fit_machines() -> None:
    assert {"l4", "l40s", "h100", "h200", "b200"} <= aws_accelerators()
    assert not aws_accelerators() & NOT_NVIDIA
    assert aws_accelerators(neuron=True) == aws_accelerators() | NOT_NVIDIA


def test_the_nearest_name_is_offered_or_none() -> None:
    assert nearest("g6e.12xlarg", aws_machines()) == "; did you mean g6e.12xlarge?"
    assert nearest("mainframe", aws_machines()) == ""
