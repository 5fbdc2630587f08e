"""Images that nodes fetch in parallel: what each image family is told, on which disks, from which release on."""

import tomllib
from typing import Any

import pytest
import yaml

from components.accelerators import aws_machines
from components.aws.capacity.groups import disks
from components.aws.capacity.node_plan import plan_pool
from components.aws.capacity.node_pools import volumes
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.capacity.pulling import by_auto_mode, problems
from components.aws.capacity.user_data import Start
from components.aws.cluster import auto_rules
from tests.components.aws.test_user_data import parts

ZONES = ("us-west-2a", "us-west-2b")
SOCI = "/var/lib/soci-snapshotter"


def pool(**changes: Any) -> GpuPoolArgs:
    return GpuPoolArgs.model_validate({"accelerator": "l40s", "machine": "g6e.12xlarge", "max": 3, "image_pull": "parallel"} | changes)


def told(**changes: Any) -> Start:
    return plan_pool("serving", pool(**changes), ZONES)[0].start


def test_bottlerocket_takes_its_images_through_soci_in_parallel() -> None:
    read = tomllib.loads(told().told(bottlerocket=True))["settings"]
    assert read["container-runtime"] == {"snapshotter": "soci"}
    soci = read["container-runtime-plugins"]["soci-snapshotter"]
    assert soci["pull-mode"] == "parallel-pull-unpack"
    assert soci["parallel-pull-unpack"]["max-concurrent-unpacks-per-image"] > 1, "its own setting unpacks one layer after the other"


def test_its_folder_is_where_the_images_are() -> None:
    def bound(**changes: Any) -> list[str]:
        (task,) = tomllib.loads(told(**changes).told(bottlerocket=True))["settings"]["bootstrap-commands"].values()
        folders: list[str] = task["commands"][1][4:]
        return folders

    assert SOCI in bound()
    assert SOCI not in bound(image_pull="serial")


def test_amazon_linux_opens_the_gate() -> None:
    config = yaml.safe_load(parts(told(image="al2023").told(bottlerocket=False))["application/node.eks.aws"])
    assert config["spec"]["featureGates"] == {"FastImagePull": True}
    assert "featureGates" not in yaml.safe_load(parts(Start(pods=9).told(bottlerocket=False))["application/node.eks.aws"])["spec"]


@pytest.mark.parametrize(("scratch", "quick"), [("disk", True), ("nvme", False)])
@pytest.mark.parametrize("image", ["bottlerocket", "al2023"])
def test_a_volume_that_images_are_on_keeps_up(scratch: str, quick: bool, image: str) -> None:
    (plan,) = plan_pool("serving", pool(scratch=scratch, image=image), ZONES)
    grouped = {row["device_name"]: row["ebs"] for row in disks(plan, "key")}
    launched = {row["deviceName"]: row["ebs"] for row in volumes(plan, "key")}
    data = "/dev/xvdb" if image == "bottlerocket" else "/dev/xvda"
    for found in (grouped, launched):
        assert [device for device, row in found.items() if "throughput" in row] == ([data] if quick else [])
    if quick:
        assert grouped[data]["throughput"] * 4 <= grouped[data]["iops"], "EC2 gives at most 0.25 MiB/s for each IOPS"
    (serial,) = plan_pool("serving", pool(scratch=scratch, image=image, image_pull="serial"), ZONES)
    assert not any("throughput" in row["ebs"] for row in disks(serial, "key"))


@pytest.mark.parametrize(
    ("family", "release", "nvme", "karpenter", "fault"),
    [
        ("bottlerocket", None, True, True, ""),
        ("bottlerocket", "1.44.0-1a2b3c4d", True, False, ""),
        ("bottlerocket", "1.43.9-1a2b3c4d", True, False, "hold 1.44.0 or later"),
        ("bottlerocket", "1.44.0-1a2b3c4d", True, True, "hold 1.46.0 or later"),
        ("bottlerocket", "1.44.0-1a2b3c4d", False, True, ""),
        ("bottlerocket", "1.100.0-1a2b3c4d", True, True, ""),
        ("al2023", "1.34.1-20251112", False, False, ""),
        ("al2023", "1.34.1-20251112", True, False, "20251217"),
        ("al2023", "1.34.1-20251209", True, False, "20251217"),
        ("al2023", "1.34.1-20251231", True, True, ""),
        ("al2023", "1.33.1-20250801", False, False, "20250821"),
    ],
)
def test_older_releases_are_refused(family: Any, release: str | None, nvme: bool, karpenter: bool, fault: str) -> None:
    found = list(problems([aws_machines()["g6e.12xlarge"]], family, release, nvme=nvme, karpenter=karpenter))
    assert bool(found) == bool(fault)
    assert all(field == "image_release" and fault in text for field, text in found)


def test_machines_that_nodeadm_leaves_alone_are_refused() -> None:
    ((field, text),) = problems([aws_machines()["g6f.large"]], "al2023", None, nvme=True, karpenter=False)
    assert (field, "g6f.large" in text) == ("image_pull", True)
    assert not list(problems([aws_machines()["g6f.large"]], "bottlerocket", None, nvme=True, karpenter=False))


def test_auto_mode_does_so_by_itself() -> None:
    assert [path for path, _ in auto_rules.of_pool(pool())] == [("image_pull",)]
    assert [
        name for name in ("g6e.4xlarge", "p5.48xlarge", "trn2.48xlarge", "g5g.xlarge", "inf2.xlarge") if by_auto_mode(aws_machines()[name])
    ] == [
        "g6e.4xlarge",
        "p5.48xlarge",
        "trn2.48xlarge",
    ]
