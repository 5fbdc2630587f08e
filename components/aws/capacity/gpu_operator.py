"""NVIDIA's GPU operator, which announces and shares GPUs on nodes of Amazon Linux 2023, and is not there without them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.accelerators import aws_machines
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.compatibility import image_for, operator_values
from components.kubernetes.addons.charts import Chart
from components.kubernetes.addons.table import table

NAME = "gpu-operator"
"""Its row of the add-on table: it announces nvidia.com/gpu on Amazon Linux, and cuts and shares GPUs there; Bottlerocket does so itself."""
WHOLE = "whole"
"""Name of the device plugin's configuration that shares nothing."""


def gpu_operator(pools: Mapping[str, GpuPoolArgs]) -> Iterator[tuple[Chart, dict[str, Any]]]:
    """The operator with its values, where a pool has GPUs on Amazon Linux; nothing elsewhere."""
    linux = {name: pool for name, pool in pools.items() if pool.family == "al2023" and not aws_machines()[pool.machine].neuron}
    if linux:
        yield table()[NAME], operated(linux)


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
