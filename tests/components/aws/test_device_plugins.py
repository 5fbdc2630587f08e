"""Every accelerated node of every stack has exactly one announcer of its devices, and shared GPUs are set up as the stack file says."""

import base64
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.accelerators import aws_machines
from components.aws.capacity.gpu_operator import NAME as GPU_OPERATOR
from components.aws.capacity.gpu_operator import gpu_operator, image_types
from components.aws.capacity.node_plan import accelerator_pool
from components.aws.capacity.plugins import EFA, NEURON, plugins
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.args import AutoModeArgs
from components.aws.cluster.compatibility import plugin_problems
from components.kubernetes.addons.table import table
from graph.model import Graph
from infra.aws.cluster_notes import shared
from infra.aws.platform import AwsPlatform
from infra.config import load_file
from tests.config.fields import CONTEXTS, draw
from tests.evaluated import evaluate

ROOT = Path(__file__).parents[3]
EVERY = [
    *(path for name, path in CONTEXTS.items() if name.startswith("aws")),
    *(ROOT / f"Pulumi.{stack}.yaml" for stack in ("dev", "prod")),
    *sorted(ROOT.glob("examples/Pulumi.*.yaml")),
]
FILES = [path for path in EVERY if isinstance(load_file(path)[0], AwsPlatform)]
"""Every stack with a cluster of its own."""
WORDS = {GPU_OPERATOR: "gpu-operator", NEURON: "neuron-plugin"}
SHARING = CONTEXTS["aws-sharing"]


@cache
def platform(path: Path) -> AwsPlatform:
    found, _ = load_file(path)
    assert isinstance(found, AwsPlatform)
    return found


@cache
def graph(path: Path) -> Graph:
    return evaluate(path).graph if path.name.startswith("Pulumi.") else draw(platform(path))


def charts(path: Path) -> dict[str, Any]:
    """Values of the device plugins' charts in a stack, by name."""
    releases = graph(path).of_type("kubernetes:helm.sh/v3:Release")
    return {r.inputs["name"]: r.inputs.get("values", {}) for r in releases if r.inputs["name"] in (EFA, *WORDS)}


def pools(path: Path) -> dict[str, GpuPoolArgs]:
    return platform(path).cluster.pools


def labels(path: Path, pool: str) -> dict[str, str]:
    (group,) = [r for r in graph(path).of_type("aws:eks/nodeGroup:NodeGroup") if r.name == f"cluster-pool-{pool}-on-demand"]
    found: dict[str, str] = group.inputs["labels"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_node_has_one_announcer_of_its_accelerators(path: Path) -> None:
    for pool in pools(path).values():
        image = image_types([pool])
        # The operator stays off nodes with a label that every pool of Bottlerocket has.
        installed = [WORDS[name] for name in charts(path) if name in WORDS and not (name == GPU_OPERATOR and pool.family != "al2023")]
        auto = isinstance(platform(path).cluster.autoscaler, AutoModeArgs)
        assert list(plugin_problems(image, installed, auto_mode=auto)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_fabric_is_announced_where_a_pool_has_it_and_only_then(path: Path) -> None:
    assert (EFA in charts(path)) == any(pool.fabric == "efa" for pool in pools(path).values())


def test_the_operator_stays_off_nodes_that_have_all_it_would_install() -> None:
    assert labels(SHARING, "turns")["nvidia.com/gpu.deploy.operands"] == "false"
    assert "nvidia.com/gpu.deploy.operands" not in labels(SHARING, "parts")


def test_plugins_tolerate_the_taints_of_the_nodes_they_are_for() -> None:
    keys = {toleration["key"] for toleration in table()[EFA].values["tolerations"]}
    assert keys == {machine.resource for machine in aws_machines().values() if machine.accelerator}


def settings(pool: str) -> dict[str, Any]:
    """Bottlerocket's settings of the device plugin on a pool's nodes."""
    (template,) = [
        r for r in graph(SHARING).of_type("aws:ec2/launchTemplate:LaunchTemplate") if r.name == f"cluster-pool-{pool}-on-demand-template"
    ]
    told: dict[str, Any] = tomllib.loads(base64.b64decode(template.inputs["userData"]).decode())["settings"]
    found: dict[str, Any] = told["kubelet-device-plugins"]["nvidia"]
    return found


def test_bottlerocket_nodes_are_told_how_to_share() -> None:
    assert settings("cut")["mig"] == {"profile": {"a100.40gb": "1g.5gb"}}
    assert settings("turns")["time-slicing"]["replicas"] == 4
    assert settings("limits")["mps"]["replicas"] == 2


def test_amazon_linux_nodes_are_told_by_labels_and_the_operator() -> None:
    found = labels(SHARING, "parts")
    assert found["nvidia.com/mig.config"] == "all-1g.10gb"
    assert found["nvidia.com/device-plugin.config"] == "parts"
    values = charts(SHARING)[GPU_OPERATOR]
    assert (values["driver"], values["toolkit"]) == ({"enabled": False}, {"enabled": False})
    config = values["devicePlugin"]["config"]
    assert (config["default"], json.loads(config["data"]["whole"])) == ("whole", {"version": "v1"})
    assert json.loads(config["data"]["parts"])["flags"] == {"migStrategy": "single"}
    assert set(config["data"]) == {"whole", "parts"}


def test_workloads_are_told_of_shares() -> None:
    cut, turns = (accelerator_pool(name, pools(SHARING)[name]) for name in ("cut", "turns"))
    assert (cut.per_node, cut.memory_mib, cut.resource) == (56, 4768, "nvidia.com/gpu")
    assert cut.sharing is not None
    assert cut.sharing.isolation == "hardware"
    assert (turns.per_node, turns.memory_mib) == (16, 11444)
    node = platform(SHARING).node("cut")
    assert node is not None
    assert (node.gpus, node.gpu_memory, node.sharing) == (56, 4768 * 2**20, cut.sharing)


def test_a_review_says_what_follows_from_sharing() -> None:
    told = [note.text for note in platform(SHARING).notes() if note.subject == "pool turns"]
    assert "time-slicing gives each GPU 4 shares of 11.18GiB" in told
    assert "metrics are of whole GPUs and name no pod" in told
    assert not list(shared(next(iter(pools(CONTEXTS["aws"]).values()))))


def test_a_cluster_without_such_nodes_gets_no_plugin() -> None:
    assert [*gpu_operator(pools(CONTEXTS["aws"])), *plugins(pools(CONTEXTS["aws"]).values())] == []
