"""Alerts on GPUs: broken ones, slow ones, those that nobody uses, and those that nobody watches. Pure functions.

Labels of series are those that survive the exporter's ServiceMonitor (honorLabels, and `node` by relabelling): namespace and pod are those
of the pod that holds the GPU, and of the exporter itself where none does.
"""

from components.kubernetes import prometheus
from components.kubernetes.addons.table import table
from components.kubernetes.gpus.counters import EXPORTER
from components.kubernetes.manifests import Identity, Manifest
from components.kubernetes.prometheus import Rule, alert

HELD = f'namespace!="{table()[EXPORTER].namespace}"'
"""Narrows series to GPUs that a pod holds."""
FATAL = (46, 48, 54, 62, 63, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 142, 143, 151, 155, 156, 158)
"""Xids after which a GPU is of no use until it is reset or its node replaced.
Source: aws/eks-node-monitoring-agent@51af549:monitors/nvidia/dcgm/dcgm_policies.go, for which EKS replaces the node."""
SLOWED = 'DCGM_EXP_CLOCK_EVENTS_COUNT{clock_event=~"hw_power_brake|hw_slowdown|hw_thermal|sw_thermal"}'
"""Lower clocks for reasons that somebody can do something about. Source: NVIDIA/dcgm-exporter, clock_events_collector.go."""
REPAIRED_WITHIN = "15m"
"""EKS replaces a broken node after ten minutes. Source: EKS user guide, node auto repair, AcceleratedHardwareReady."""
IDLE = 0.01
"""Share of time below which a GPU does nothing."""
WORK = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
"""Share of time in which a GPU, or a part that MIG cuts of it, works; utilisation (GPU_UTIL) is not told of parts."""
RECENT_WORK = f"max_over_time({WORK}{{{HELD}}}[30m])"
XID, REMAPPED = "gpu:xid:last", "gpu:remapped_rows:uncorrectable"


def prometheus_rule(identity: Identity) -> Manifest:
    """Recording rules and alerts of all GPUs of a cluster (monitoring.coreos.com/v1)."""
    of_gpu = "max by (node, gpu, modelName)"
    recorded = [
        {"record": XID, "expr": 'count_values by (node, gpu, modelName) ("xid", DCGM_FI_DEV_XID_ERRORS)'},
        {"record": REMAPPED, "expr": f"{of_gpu} (DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS)"},
    ]
    groups = {"gpu-facts": recorded, "gpu-hardware": _hardware(of_gpu), "gpu-use": _use()}
    return prometheus.prometheus_rule(identity.metadata(), groups)


def _hardware(of_gpu: str) -> list[Rule]:
    """Broken, breaking and slow."""
    where = "GPU {{ $labels.gpu }} of {{ $labels.node }}"
    fatal = "|".join(map(str, FATAL))
    grown = f"max_over_time({REMAPPED}[1d]) - min_over_time({REMAPPED}[1d]) > 0"
    fatal_xid, lost = f'{XID}{{xid=~"{fatal}"}}', f"{of_gpu} (DCGM_FI_DEV_ROW_REMAP_FAILURE) > 0"
    slowed = f"max by (node, gpu, clock_event) ({SLOWED}) > 0"
    page, told = "gpu-hardware", f"{where} told Xid {{{{ $labels.xid }}}}"
    return [
        alert("GpuXid", fatal_xid, "page", told, page, lasting=REPAIRED_WITHIN),
        alert("GpuRowRemapFailed", lost, "page", f"{where} has no spare memory rows left", page, lasting=REPAIRED_WITHIN),
        alert("GpuMemoryWearing", grown, "ticket", f"{where} has replaced broken memory rows within a day", page),
        alert("GpuThrottled", slowed, "ticket", f"{where} is held back: {{{{ $labels.clock_event }}}}", "gpu-throttled", lasting="15m"),
    ]


def _use() -> list[Rule]:
    """Held by pods that do nothing, and not told of at all."""
    idle = f"max by (node, gpu, namespace, pod) ({RECENT_WORK}) < {IDLE}"
    offered = 'max by (node) (kube_node_status_allocatable{resource=~"nvidia_com_(gpu|mig).*"}) > 0'
    silent = f"{offered} unless on (node) max by (node) (DCGM_FI_DEV_GPU_TEMP)"
    held = "pod {{ $labels.pod }} has held GPU {{ $labels.gpu }} of {{ $labels.node }} for a day without using it"
    return [
        alert("GpuIdle", idle, "ticket", held, "gpu-idle", lasting="1d"),
        alert("GpuUnwatched", silent, "ticket", "{{ $labels.node }} has GPUs of which nothing is told", "gpu-unwatched", lasting="15m"),
    ]
