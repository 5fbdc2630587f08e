"""A dashboard of all GPUs of a cluster. Pure functions."""

from components.kubernetes.gpus.rules import HELD, IDLE, RECENT_WORK, SLOWED, WORK
from components.kubernetes.grafana import Board, Panel, config_map
from components.kubernetes.manifests import Identity, Manifest


def panels() -> tuple[Panel, ...]:
    """What is shown: work, memory, use, heat and power by node, and what is broken by GPU."""
    used, free = (f"sum by (node) (DCGM_FI_DEV_FB_{part})" for part in ("USED", "FREE"))
    slowed = f"sum by (node, clock_event) ({SLOWED})"
    tensor = "avg by (node) (DCGM_FI_PROF_PIPE_TENSOR_ACTIVE)"
    by_gpu = "{{node}} {{gpu}}"
    return (
        Panel("GPUs at work", (("{{node}}", f"avg by (node) ({WORK})"),), "percentunit", 1),
        Panel("Tensor cores at work", (("{{node}}", tensor),), "percentunit", 1),
        Panel("Memory in use", (("{{node}}", f"{used} / ({used} + {free})"),), "percentunit", 1),
        Panel("Held by pods", (("held", f"count({WORK}{{{HELD}}})"), ("idle", f"count({RECENT_WORK} < {IDLE})")), "short"),
        Panel("Power", (("{{node}}", "sum by (node) (DCGM_FI_DEV_POWER_USAGE)"),), "watt"),
        Panel("Hottest GPU", (("{{node}}", "max by (node) (DCGM_FI_DEV_GPU_TEMP)"),), "celsius"),
        Panel("Clocks held back", (("{{node}} {{clock_event}}", slowed),), "short"),
        Panel("Last Xid", ((by_gpu, "max by (node, gpu) (DCGM_FI_DEV_XID_ERRORS) > 0"),), "short"),
    )


def dashboard(identity: Identity) -> Manifest:
    """The ConfigMap that Grafana's sidecar reads."""
    return config_map(Board("GPUs", "groundwork-gpus", "gpus", panels()), identity.metadata(), "gpus.json")
