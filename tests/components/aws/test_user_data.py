"""What nodes are told as they start, in the form that each image reads."""

import tomllib
from email import message_from_string
from typing import Any

import pytest
import yaml

from components.aws.capacity.density import most_pods, prefixes
from components.aws.capacity.user_data import Start, al2023_parts, bottlerocket_settings, encoded, toml


def parts(text: str) -> dict[str, str]:
    """Bodies of a MIME document by content type, as cloud-init reads it."""
    read = message_from_string(text)
    assert read.is_multipart()
    return {part.get_content_type(): str(part.get_payload()) for part in read.walk() if not part.is_multipart()}


def test_nothing_is_said_where_nothing_differs() -> None:
    assert bottlerocket_settings(Start()) == al2023_parts(Start()) == ""
    assert encoded("") is None
    assert encoded("a") == "YQ=="


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (Start(pods=110), {"kubernetes": {"max-pods": 110}}),
        (Start(huge_pages=5128), {"kernel": {"sysctl": {"vm.nr_hugepages": "5128"}}}),
        (Start(plugin={"device-sharing-strategy": "mps"}), {"kubelet-device-plugins": {"nvidia": {"device-sharing-strategy": "mps"}}}),
    ],
)
def test_bottlerocket_reads_each_setting(start: Start, told: dict[str, Any]) -> None:
    assert tomllib.loads(bottlerocket_settings(start)) == {"settings": told}
    assert tomllib.loads(start.told(bottlerocket=True)) == {"settings": told}


def test_bottlerocket_stripes_disks_before_the_kubelet_starts() -> None:
    (task,) = tomllib.loads(bottlerocket_settings(Start(nvme=True)))["settings"]["bootstrap-commands"].values()
    assert [command[:3] for command in task["commands"]] == [["apiclient", "ephemeral-storage", way] for way in ("init", "bind")]
    assert (task["mode"], task["essential"]) == ("always", True)


def test_bottlerocket_reads_all_settings_together() -> None:
    plugin = {"device-sharing-strategy": "time-slicing", "time-slicing": {"replicas": 4, "rename-by-default": False}}
    read = tomllib.loads(bottlerocket_settings(Start(pods=250, huge_pages=1, nvme=True, plugin=plugin)))["settings"]
    assert read.keys() == {"kubernetes", "kernel", "bootstrap-commands", "kubelet-device-plugins"}
    assert read["kubelet-device-plugins"]["nvidia"] == plugin


def test_amazon_linux_gets_a_script_and_a_node_config() -> None:
    told = parts(Start(pods=110, huge_pages=5128, nvme=True).told(bottlerocket=False))
    assert told["text/x-shellscript"].startswith("#!/bin/bash\nset -euo pipefail\n")
    assert "vm.nr_hugepages=5128" in told["text/x-shellscript"]
    config = yaml.safe_load(told["application/node.eks.aws"])
    assert (config["apiVersion"], config["kind"]) == ("node.eks.aws/v1alpha1", "NodeConfig")
    assert config["spec"] == {"kubelet": {"config": {"maxPods": 110}}, "instance": {"localStorage": {"strategy": "RAID0"}}}


def test_amazon_linux_gets_only_what_differs() -> None:
    assert parts(al2023_parts(Start(huge_pages=1))).keys() == {"text/x-shellscript"}
    (config,) = parts(al2023_parts(Start(pods=30))).values()
    assert yaml.safe_load(config)["spec"] == {"kubelet": {"config": {"maxPods": 30}}}


def test_toml_puts_plain_values_before_tables() -> None:
    assert toml("a", {}) == ""
    assert tomllib.loads(toml("a", {"t": {"x.y": 1}, "p": "q", "on": True})) == {"a": {"p": "q", "on": True, "t": {"x.y": 1}}}


@pytest.mark.parametrize(
    ("machines", "auto", "most"),
    [
        (["m7i.large"], False, 110),  # 3 x 9 x 16 + 2 = 434, and 2 vCPUs
        (["p5.48xlarge"], False, 250),  # 2 x 49 x 16 + 2 = 1570, and 192 vCPUs
        (["p5.48xlarge"], True, 110),
        (["g6e.4xlarge", "g6e.8xlarge"], False, 110),  # the smaller has 16 vCPUs
        (["t3.nano"], False, 34),  # 2 x 1 x 16 + 2
        (["t2.micro"], False, 4),  # Xen: 2 x 1 + 2
    ],
)
def test_pods_of_a_node_are_what_aws_recommends(machines: list[str], auto: bool, most: int) -> None:
    assert most_pods(machines, auto_mode=auto) == most


def test_a_full_node_has_a_warm_prefix_beside_those_in_use() -> None:
    assert [prefixes(pods) for pods in (1, 16, 17, 110, 250)] == [2, 2, 3, 8, 17]


def test_no_huge_pages_are_said_where_the_image_would_take_some() -> None:
    read = tomllib.loads(bottlerocket_settings(Start(huge_pages=0)))
    assert read == {"settings": {"kernel": {"sysctl": {"vm.nr_hugepages": "0"}}}}
    assert "vm.nr_hugepages=0" in parts(al2023_parts(Start(huge_pages=0)))["text/x-shellscript"]
