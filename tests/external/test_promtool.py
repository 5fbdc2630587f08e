"""Prometheus's own tool reads our rules and runs them: for every alert one case that fires and one that does not."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.kubernetes.manifests import Identity
from components.kubernetes.serving import probe
from components.kubernetes.serving.monitor import series as series_of
from components.kubernetes.serving.objectives import BURNS, ObjectivesArgs, prometheus_rule
from tests.evaluated import evaluate

pytestmark = pytest.mark.external

ROOT = Path(__file__).parents[2]
STACKS = [*sorted(ROOT.glob("Pulumi.*.yaml")), *sorted((ROOT / "examples").glob("Pulumi.*.yaml"))]
NAMESPACE = "serving"
IDENTITY = Identity("chat", NAMESPACE, {"app.kubernetes.io/name": "inference-endpoint", "app.kubernetes.io/component": "chat"})
ARGS = ObjectivesArgs.model_validate({"errors": "1%", "ttft_p95": "2.5s"})
MINUTES = 3 * 24 * 60 + 60


def run(tool: Path, *words: str | Path) -> None:
    done = subprocess.run([tool, *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def written(folder: Path, rule: dict[str, Any]) -> Path:
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": rule["spec"]["groups"]}))
    return path


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name.split(".")[1])
def test_rules_of_every_stack_are_read(tool: Path, tmp_path: Path, path: Path) -> None:
    for rule in evaluate(path).graph.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule"):
        run(tool, "check", "rules", written(tmp_path, {"spec": rule.inputs["spec"]}))


def test_some_stack_has_rules() -> None:
    assert any(evaluate(path).graph.of_type("kubernetes:monitoring.coreos.com/v1:PrometheusRule") for path in STACKS)


def test_a_broken_expression_is_seen(tool: Path, tmp_path: Path) -> None:
    rule = prometheus_rule(IDENTITY, ARGS)
    rule["spec"]["groups"][0]["rules"][0]["expr"] = "sum(("
    with pytest.raises(AssertionError, match="parse error"):
        run(tool, "check", "rules", written(tmp_path, rule))


def requests(bad: float, rate: float = 100) -> dict[str, str]:
    """Counters of requests a minute, a share of them bad, and as many first tokens, the same share slow."""
    here = f'{series_of(IDENTITY)},pod="a"'
    slow, fast = bad * rate, (1 - bad) * rate
    return {
        f'http_requests_total{{{here},status="2xx"}}': f"0+{fast}x{MINUTES}",
        f'http_requests_total{{{here},status="5xx"}}': f"0+{slow}x{MINUTES}",
        f'vllm:time_to_first_token_seconds_bucket{{{here},le="2.5"}}': f"0+{fast}x{MINUTES}",
        f"vllm:time_to_first_token_seconds_count{{{here}}}": f"0+{rate}x{MINUTES}",
        f'up{{{here},container="server"}}': f"1x{MINUTES}",
    }


def fired(tool: Path, folder: Path, series: dict[str, str], alert: str) -> set[str]:
    """Windows of the firing alerts of a name at the end, found by asking for each by itself."""
    rules = written(folder, prometheus_rule(IDENTITY, ARGS))
    windows = [burn.long for burn in BURNS] if alert != "EndpointSilent" else [""]
    return {window for window in windows if _fires(tool, folder, rules, series, alert, window)}


def _fires(tool: Path, folder: Path, rules: Path, series: dict[str, str], alert: str, window: str) -> bool:
    here = f'alertname="{alert}",alertstate="firing"' + (f',window="{window}"' if window else "")
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {"expr": f"count(ALERTS{{{here}}}) or vector(0)", "eval_time": f"{MINUTES}m", "exp_samples": [{"labels": "{}", "value": 1}]}
        ],
    }
    test = folder / "test.yaml"
    test.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "5m", "tests": [case]}))
    done = subprocess.run([tool, "test", "rules", test], capture_output=True, text=True, timeout=120)
    assert "parse error" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert done.returncode == 0 or "exp:" in done.stdout + done.stderr, done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize(
    ("alert", "bad", "windows"),
    [
        ("EndpointErrors", 0.20, {"1h", "6h", "1d", "3d"}),
        ("EndpointErrors", 0.04, {"1d", "3d"}),
        ("EndpointErrors", 0.005, set()),
        ("EndpointSlow", 0.80, {"1h", "6h", "1d", "3d"}),
        ("EndpointSlow", 0.20, {"1d", "3d"}),
        ("EndpointSlow", 0.02, set()),
    ],
)
def test_an_alert_fires_for_what_burns_the_budget_and_for_nothing_less(
    tool: Path, tmp_path: Path, alert: str, bad: float, windows: set[str]
) -> None:
    assert fired(tool, tmp_path, requests(bad), alert) == windows


def test_a_handful_of_requests_proves_nothing(tool: Path, tmp_path: Path) -> None:
    assert fired(tool, tmp_path, requests(1, rate=0.1), "EndpointErrors") == {"6h", "1d", "3d"}, "six an hour say nothing within one hour"


def test_errors_are_nought_where_none_was_ever_counted(tool: Path, tmp_path: Path) -> None:
    without = {name: values for name, values in requests(0).items() if '"5xx"' not in name}
    assert fired(tool, tmp_path, without, "EndpointErrors") == set()


def test_silence_is_told(tool: Path, tmp_path: Path) -> None:
    assert fired(tool, tmp_path, requests(0), "EndpointSilent") == set()
    assert fired(tool, tmp_path, {}, "EndpointSilent") == {""}
    down = {f'up{{{series_of(IDENTITY)},pod="a",container="server"}}': f"0x{MINUTES}"}
    assert fired(tool, tmp_path, down, "EndpointSilent") == {""}


@pytest.mark.parametrize(
    ("series", "firing"),
    [
        ({"groundwork_probe_success": "1x20"}, set()),
        ({"groundwork_probe_success": "1x5 0x14"}, {"EndpointProbeFailing"}),
        ({"groundwork_probe_success": "1x17 0x2"}, set()),
        ({"groundwork_probe_success": "0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1"}, set()),
    ],
)
def test_a_probe_pages_for_what_lasts(tool: Path, tmp_path: Path, series: dict[str, str], firing: set[str]) -> None:
    rules = written(tmp_path, probe.alert(IDENTITY, ""))
    named = {f"{name}{{{series_of(probe.probing(IDENTITY))}}}": values for name, values in series.items()}
    assert alerts(tool, tmp_path, rules, named, 19) == firing


def test_a_probe_that_is_gone_is_told(tool: Path, tmp_path: Path) -> None:
    rules = written(tmp_path, probe.alert(IDENTITY, ""))
    assert alerts(tool, tmp_path, rules, {}, 20) == set()
    assert alerts(tool, tmp_path, rules, {}, 40) == {"EndpointProbeMissing"}


def alerts(tool: Path, folder: Path, rules: Path, series: dict[str, str], minute: int) -> set[str]:
    """Names of the probe's alerts that fire at a minute."""
    found = set()
    for name in ("EndpointProbeFailing", "EndpointProbeMissing"):
        case = {
            "interval": "1m",
            "input_series": [{"series": which, "values": values} for which, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) or vector(0)',
                    "eval_time": f"{minute}m",
                    "exp_samples": [{"labels": "{}", "value": 1}],
                }
            ],
        }
        test = folder / f"{name}.yaml"
        test.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [case]}))
        done = subprocess.run([tool, "test", "rules", test], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 or "exp:" in done.stdout + done.stderr, done.stdout + done.stderr
        found |= {name} if done.returncode == 0 else set()
    return found
