"""Alerts on GPUs, run by Prometheus's own tool: each fires for what it is about, and is quiet for what only looks like it."""

import subprocess
from pathlib import Path

import pytest
import yaml

from components.kubernetes.gpus.rules import prometheus_rule
from components.kubernetes.manifests import Identity

pytestmark = pytest.mark.external

RULE = prometheus_rule(Identity("gpus", "dcgm-exporter", {}))
ALERTS = {rule["alert"] for group in RULE["spec"]["groups"] for rule in group["rules"] if "alert" in rule}
WHERE = 'node="one",gpu="0",UUID="GPU-1",modelName="NVIDIA L40S",job="dcgm-exporter"'
HELD, FREE = f'{WHERE},namespace="team-vision",pod="caption-0"', f'{WHERE},namespace="dcgm-exporter",pod="dcgm-exporter-x"'
DAY = 24 * 60
XID, WORK, WORN = "DCGM_FI_DEV_XID_ERRORS", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"
REMAP, CLOCKS, TEMP = "DCGM_FI_DEV_ROW_REMAP_FAILURE", "DCGM_EXP_CLOCK_EVENTS_COUNT", "DCGM_FI_DEV_GPU_TEMP"
OFFERED = 'kube_node_status_allocatable{node="one",resource="nvidia_com_gpu",unit="integer"}'
CUT = 'kube_node_status_allocatable{node="one",resource="nvidia_com_mig_1g_20gb",unit="integer"}'
MEMORY = 'kube_node_status_allocatable{node="one",resource="memory",unit="byte"}'


def case(series: dict[str, str], minute: int, expected: set[str]) -> dict[str, object]:
    """What promtool is asked: of every alert whether it fires at a minute."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'(count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)) > bool 0',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": int(alert in expected)}],
            }
            for alert in sorted(ALERTS)
        ],
    }


CASES = {
    "a gpu has fallen off the bus": ({f"{XID}{{{HELD}}}": "79x40"}, 20, {"GpuXid"}),
    "somebody repaired it in time": ({f"{XID}{{{HELD}}}": "79x10 _x30"}, 20, set()),
    "it passed from pod to nobody": ({f"{XID}{{{HELD}}}": "79x8 _x30", f"{XID}{{{FREE}}}": "_x8 79x30"}, 20, {"GpuXid"}),
    "a program made a mistake": ({f"{XID}{{{HELD}}}": "31x40"}, 20, set()),
    "no error ever": ({f"{XID}{{{HELD}}}": "0x40"}, 20, set()),
    "no spare rows": ({f"{REMAP}{{{HELD}}}": "1x40"}, 20, {"GpuRowRemapFailed"}),
    "spare rows": ({f"{REMAP}{{{HELD}}}": "0x40"}, 20, set()),
    "rows replaced today": ({f"{WORN}{{{HELD}}}": "1x30 2x30"}, 50, {"GpuMemoryWearing"}),
    "rows replaced while the pod changed": ({f"{WORN}{{{HELD}}}": "1x30", f"{WORN}{{{FREE}}}": "_x31 2x30"}, 50, {"GpuMemoryWearing"}),
    "rows replaced in its past": ({f"{WORN}{{{HELD}}}": "3x60"}, 50, set()),
    "too hot": ({f'{CLOCKS}{{{HELD},clock_event="hw_thermal"}}': "7x40"}, 30, {"GpuThrottled"}),
    "too hot for a moment": ({f'{CLOCKS}{{{HELD},clock_event="hw_thermal"}}': "7x5 0x40"}, 30, set()),
    "full load": ({f'{CLOCKS}{{{HELD},clock_event="power_cap"}}': "10x40"}, 30, set()),
    "held and unused": ({f"{WORK}{{{HELD}}}": f"0x{DAY + 60}"}, DAY + 40, {"GpuIdle"}),
    "held and used once": ({f"{WORK}{{{HELD}}}": f"0x{DAY // 2} 0.6 0x{DAY // 2 + 60}"}, DAY + 40, set()),
    "held for half a day": ({f"{WORK}{{{HELD}}}": f"0x{DAY + 60}"}, DAY // 2, set()),
    "free": ({f"{WORK}{{{FREE}}}": f"0x{DAY + 60}"}, DAY + 40, set()),
    "offered and silent": ({OFFERED: "8x40"}, 20, {"GpuUnwatched"}),
    "cut and silent": ({CUT: "7x40"}, 20, {"GpuUnwatched"}),
    "offered and told of": ({OFFERED: "8x40", f"{TEMP}{{{HELD}}}": "40x40"}, 20, set()),
    "another node is told of": ({OFFERED: "8x40", f"{TEMP}{{{HELD.replace('one', 'two')}}}": "40x40"}, 20, {"GpuUnwatched"}),
    "a node without": ({OFFERED: "0x40", MEMORY: "9x40"}, 20, set()),
    "a node that starts": ({OFFERED: "_x15 8x20", f"{TEMP}{{{HELD}}}": "_x20 40x20"}, 25, set()),
}
"""Series, the minute of looking, and the alerts that fire then."""


def test_every_alert_has_a_case_and_a_quiet_one() -> None:
    assert {name for _, _, firing in CASES.values() for name in firing} == ALERTS
    assert sum(not firing for _, _, firing in CASES.values()) >= len(ALERTS)


@pytest.mark.parametrize("name", CASES)
def test_alerts_fire_for_what_they_are_about(tool: Path, tmp_path: Path, name: str) -> None:
    series, minute, firing = CASES[name]
    rules, test = tmp_path / "rules.yaml", tmp_path / "test.yaml"
    rules.write_text(yaml.safe_dump({"groups": RULE["spec"]["groups"]}))
    test.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [case(series, minute, firing)]}))
    done = subprocess.run([tool, "test", "rules", test], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
