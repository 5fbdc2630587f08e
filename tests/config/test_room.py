"""What a node has left for endpoints: the arithmetic, and that it is refused exactly where a pod would wait for ever."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.accelerators import aws_machines
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.capacity.room import kept
from components.kubernetes.addons.footprint import managed, on_node
from components.kubernetes.serving.coldstart import speed
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Reading
from infra.aws.node_room import DAEMONS, SYSTEM, features, installed, kinds, operated, readied
from infra.aws.platform import AwsPlatform
from infra.reading.stackfile import KEY, read
from infra.reading.validation import judge
from infra.rules.between import Node
from infra.rules.endpoint_room import misfits

ROOT = Path(__file__).parents[2]
NODE = Node(gpus=4, gpu_memory=45 * 2**30, nodes=3, cpu=48, memory=384 * 2**30, kept={SYSTEM: (200, 3000), DAEMONS: (300, 72)})


@pytest.fixture(scope="module")
def prod() -> AwsPlatform:
    platform, faults = judge(AwsPlatform, read(ROOT / "Pulumi.prod.yaml").config[KEY], Reading())
    assert isinstance(platform, AwsPlatform), faults
    return platform


def test_what_the_kubelet_keeps_is_what_the_image_says() -> None:
    small, large = aws_machines()["m7i.large"], aws_machines()["g6e.12xlarge"]
    assert kept(small, pods=110) == (70, 11 * 110 + 255 + 100 + 615)
    assert kept(large, pods=250)[0] == 60 + 10 + 5 + 5 + 110
    assert kept(large, pods=250, fabric=True)[1] - kept(large, pods=250)[1] == 2 * 5128


def test_daemon_sets_of_a_pool_are_those_that_its_nodes_have(prod: AwsPlatform) -> None:
    training, serving = prod.cluster.pools["training"], prod.cluster.pools["serving"]
    assert (kinds(training), kinds(serving)) == (["nvidia", "efa"], ["nvidia"])
    pods = list(installed(prod.cluster, prod.storage, prod.operators))
    wide, plain = on_node(pods, kinds(training)), on_node(pods, kinds(serving))
    assert (wide[0] - plain[0], wide[1] - plain[1]) == (10, 20)
    lustre = on_node(managed("aws-fsx-csi-driver"), [])
    assert ("lustre" in features(prod.storage)) == ("aws-fsx-csi-driver-node" in {each.name for each in pods})
    assert lustre == (30, 104)
    watched = prod.operators.model_copy(update={"install": (*prod.operators.install, "dcgm-exporter")})
    assert on_node(operated(watched), ["nvidia"])[0] - on_node(operated(prod.operators), ["nvidia"])[0] == 100
    room = prod.room("serving")
    assert room is not None
    agent = on_node(managed("aws-guardduty-agent"), [])
    assert agent == (200, 256)
    assert room.millicores == 16_000 - kept(aws_machines()["g6e.4xlarge"], pods=110)[0] - plain[0] - agent[0]


def test_the_agent_of_guardduty_takes_room_where_the_stack_has_it_installed(prod: AwsPlatform) -> None:
    assert prod.account is not None
    assert prod.account.threats is not None
    threats = prod.account.threats.model_copy(update={"watch": ("malware",)})
    for account in (None, prod.account.model_copy(update={"threats": None}), prod.account.model_copy(update={"threats": threats})):
        without, room = prod.model_copy(update={"account": account}).room("serving"), prod.room("serving")
        assert without is not None
        assert room is not None
        assert without.millicores - room.millicores == 200


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"cpu": 47}, {}),
        ({"cpu": 48}, {"cpu": "48, less 0.2 of its system, less 0.3 of daemon sets, which is 47.5; lower it"}),
        ({"memory": "381GiB"}, {}),
        ({"memory": "382GiB"}, {"memory": "384GiB, less 2.93GiB of its system, less 0.0703GiB of daemon sets, which is 381GiB; lower it"}),
        ({"cpu": 40, "scale": {"min": 1, "max": 3}}, {}),
        ({"cpu": 40, "scale": {"min": 1, "max": 4}}, {"scale.max": "a node takes 1, and it has GPUs for 4; set 3 or less"}),
        ({"cpu": 40, "scale": {"min": 1, "max": 2, "warm": 1}}, {}),
        ({"cpu": 40, "scale": {"min": 1, "max": 3, "warm": 1}}, {"scale.max": "a node takes 1, and it has GPUs for 4; set 2 or less"}),
        ({"memory": "100GiB", "scale": {"min": 1, "max": 10}}, {"scale.max": "a node takes 3, and"}),
        ({"cpu": 40, "scale": {"min": 1, "max": 13}}, {}),
    ],
)
def test_a_replica_fits_beside_what_its_node_has(changes: dict[str, Any], found: dict[str, str]) -> None:
    document = read(ROOT / "Pulumi.prod.yaml").config[KEY]
    assert isinstance(document, dict)
    args = InferenceEndpointArgs.model_validate({**document["endpoints"]["chat"], "scale": {"min": 1, "max": 3}, **changes})
    told = {".".join(map(str, path)): text for path, text in misfits(args, NODE)}
    assert told.keys() == found.keys()
    assert all(text in told[path] for path, text in found.items())
    assert not list(misfits(args, replace(NODE, cpu=None)))


BLOCK = {"block": "cr-0123456789abcdef0", "zone": "us-west-2b", "start": "2027-01-04T11:30:00Z", "end": "2027-01-11T11:30:00Z", "size": 4}
SLOW, BOTTLEROCKET, LINUX = speed("serial"), speed("bottlerocket"), speed("al2023")


@pytest.mark.parametrize(
    ("changes", "auto", "keeps", "fetches", "faster"),
    [
        ({}, False, 6, SLOW, BOTTLEROCKET),
        ({"image": "al2023"}, False, 6, SLOW, LINUX),
        ({"image_pull": "parallel"}, False, 6, BOTTLEROCKET, BOTTLEROCKET),
        ({"image_pull": "parallel", "image": "al2023"}, False, 6, LINUX, LINUX),
        ({"capacity": [{"reserved": "cr-0123456789abcdef0", "zone": "us-west-2b", "count": 2}, "on-demand"]}, False, 2, SLOW, BOTTLEROCKET),
        ({"accelerator": "h100", "machine": "p5.48xlarge", "max": 4, "capacity": [BLOCK]}, False, 0, SLOW, BOTTLEROCKET),
        ({"karpenter": {}}, False, 0, SLOW, BOTTLEROCKET),
        ({}, True, 0, BOTTLEROCKET, None),
        ({"accelerator": "inferentia2", "machine": "inf2.48xlarge"}, True, 0, SLOW, None),
    ],
)
def test_how_soon_nodes_are_ready_is_of_who_makes_them(changes: dict[str, Any], auto: bool, keeps: int, fetches: int, faster: int) -> None:
    args = GpuPoolArgs.model_validate({"accelerator": "l40s", "machine": "g6e.12xlarge", "max": 6, **changes})
    node = readied(NODE, args, "us-west-2", auto=auto)
    assert (node.keeps, node.fetches, node.faster) == (keeps, fetches, faster)
    assert node.hourly is None or node.hourly > 0
