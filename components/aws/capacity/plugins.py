"""What announces devices to the cluster where a node's image does not: EFA interfaces, Trainium and Inferentia.

NVIDIA's devices are announced by Bottlerocket itself; a second plugin for them would count each twice.
"""

from collections.abc import Iterable

from components.accelerators import aws_machines
from components.aws.capacity.node_plan import FABRIC_LABEL
from components.aws.capacity.pools import GpuPoolArgs
from components.kubernetes.addons.charts import Chart

EFA = Chart(
    name="aws-efa-k8s-device-plugin",
    repository="https://aws.github.io/eks-charts",
    version="v0.5.30",
    source="aws/eks-charts@5239609:stable/aws-efa-k8s-device-plugin/Chart.yaml, 2026-08-03",
    namespace="kube-system",
    values={
        "nodeSelector": {FABRIC_LABEL: "efa"},
        "tolerations": [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in ("nvidia.com/gpu", "aws.amazon.com/neuron")],
    },
    images={"image.repository": "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/aws-efa-k8s-device-plugin"},
)
NEURON = Chart(
    name="neuron-helm-chart",
    repository="oci://public.ecr.aws/neuron",
    version="1.10.0",
    source="aws-neuron/neuron-helm-charts release 1.10.0, 2026-08-19",
    namespace="kube-system",
    values={"npd": {"enabled": False}},
    images={"devicePlugin.image.repository": "public.ecr.aws/neuron/neuron-device-plugin"},
)


def plugins(pools: Iterable[GpuPoolArgs]) -> list[Chart]:
    """The plugins that the nodes of some pools need."""
    every = list(pools)
    fabric = [EFA] if any(pool.fabric == "efa" for pool in every) else []
    neuron = [NEURON] if any(aws_machines()[pool.machine].neuron for pool in every) else []
    return [*fabric, *neuron]
