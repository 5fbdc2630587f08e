"""NVIDIA's GPU operator, which announces and shares GPUs on nodes of Amazon Linux 2023, and is not there without them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.accelerators import aws_machines
from components.aws.capacity.pools import POOL_LABEL, GpuPoolArgs
from components.aws.cluster.compatibility import image_for, operator_values
from components.aws.cluster.versions import matrix
from components.kubernetes.addons.charts import Chart

GPU_OPERATOR = Chart(
    name="gpu-operator",
    repository="https://helm.ngc.nvidia.com/nvidia",
    version=matrix().operators[-1].version,
    source=matrix().operators[-1].source,
    namespace="kube-system",
    security="privileged",
    values={
        "operator": {"nodeSelector": {POOL_LABEL: "system"}},
        # Metrics are exported by whoever watches all GPU nodes, those of Bottlerocket too.
        "dcgmExporter": {"enabled": False},
        # In a cloud a GPU takes a new MIG mode only as its node starts again.
        "migManager": {"env": [{"name": "WITH_REBOOT", "value": "true"}]},
    },
    images={
        "operator.repository": "nvcr.io/nvidia",
        "validator.repository": "nvcr.io/nvidia",
        "devicePlugin.repository": "nvcr.io/nvidia",
        "gfd.repository": "nvcr.io/nvidia",
        "migManager.repository": "nvcr.io/nvidia/cloud-native",
        "node-feature-discovery.image.repository": "registry.k8s.io/nfd/node-feature-discovery",
    },
)
"""Announces nvidia.com/gpu on Amazon Linux, and cuts and shares GPUs there; Bottlerocket does so by itself."""
WHOLE = "whole"
"""Name of the device plugin's configuration that shares nothing."""


def gpu_operator(pools: Mapping[str, GpuPoolArgs]) -> Iterator[tuple[Chart, dict[str, Any]]]:
    """The operator with its values, where a pool has GPUs on Amazon Linux; nothing elsewhere."""
    linux = {name: pool for name, pool in pools.items() if pool.family == "al2023" and not aws_machines()[pool.machine].neuron}
    if linux:
        yield GPU_OPERATOR, operated(linux)


def operated(pools: Mapping[str, GpuPoolArgs]) -> dict[str, Any]:
    """What the GPU operator is told: to install nothing that the images have, and how each pool shares its GPUs."""
    base = operator_values(image_types(pools.values()))
    configs = {WHOLE: {"version": "v1"}, **{name: share.plugin for name, pool in pools.items() if (share := pool.share)}}
    told = {name: json.dumps(config, sort_keys=True) for name, config in configs.items()}
    plugin = {"enabled": True, "config": {"create": True, "name": "device-plugin", "default": WHOLE, "data": told}}
    return {**base, "devicePlugin": plugin}


def image_types(pools: Iterable[GpuPoolArgs]) -> list[str]:
    """EKS image types of the nodes of pools."""
    return [image_for(aws_machines()[pool.machine], pool.family) for pool in pools]
