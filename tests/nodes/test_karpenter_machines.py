"""Resources that the kwok provider is told are those that Karpenter's AWS provider computes, by its own published list."""

import csv
from pathlib import Path

import pytest

from components.accelerators import aws_machines
from tests.nodes import karpenter_machines as imagined

LIST = Path(__file__).with_name("karpenter_machines.csv")
ROWS = list(csv.DictReader(line for line in LIST.read_text("utf-8").splitlines() if not line.startswith("#")))


def default_class(pods: str) -> dict[str, object]:
    """An EC2NodeClass of which nothing was stated."""
    volume = [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": "20Gi"}}]
    return {"amiFamily": "AL2023", "blockDeviceMappings": volume, "kubelet": {"maxPods": int(pods)}}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["machine"])
def test_a_machine_has_what_karpenter_publishes(row: dict[str, str]) -> None:
    machine = aws_machines()[row["machine"]]
    node_class = default_class(row["pods"])
    found = imagined.allocatable(machine, node_class)
    assert imagined.limited_pods(machine, node_class) == int(row["pods"])
    told = {name: value for name, value in row.items() if name != "machine" and value}
    assert {**found, "ephemeral-storage": "17Gi"} == told
    assert found["ephemeral-storage"] == f"{17 * 1024}Mi"


def test_a_node_class_changes_pods_disks_and_interfaces() -> None:
    machine = aws_machines()["p5.48xlarge"]
    interfaces = [{"networkCardIndex": i, "deviceIndex": 1, "interfaceType": "efa-only"} for i in range(8)]
    node_class = {**default_class("250"), "instanceStorePolicy": "RAID0", "networkInterfaces": interfaces}
    found = imagined.allocatable(machine, node_class)
    assert found["vpc.amazonaws.com/efa"] == "8"
    assert found["pods"] == "250"
    assert int(found["ephemeral-storage"].removesuffix("Mi")) > 20 * 1024 * 1024
    assert not [name for name in found if name.startswith("hugepages")]
