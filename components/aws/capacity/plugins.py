"""Device plugins where a node's image has none: EFA interfaces, Trainium and Inferentia.

NVIDIA's devices are announced by Bottlerocket itself; a second plugin for them would count each twice.
The EFA plugin's image is in a registry of us-west-2, from which nodes of every region of its partition
may pull over the internet. Source: EKS user guide, "View Amazon container image registries
for Amazon EKS add-ons".
"""

from collections.abc import Iterable

from components.accelerators import aws_machines
from components.aws.capacity.pools import GpuPoolArgs
from components.kubernetes.addons.charts import Chart
from components.kubernetes.addons.table import table

EFA = "aws-efa-k8s-device-plugin"
NEURON = "neuron-helm-chart"
"""Rows of the add-on table."""


def plugins(pools: Iterable[GpuPoolArgs]) -> list[Chart]:
    """The plugins that the nodes of some pools need."""
    every = list(pools)
    fabric = [table()[EFA]] if any(pool.fabric == "efa" for pool in every) else []
    neuron = [table()[NEURON]] if any(aws_machines()[pool.machine].neuron for pool in every) else []
    return [*fabric, *neuron]
