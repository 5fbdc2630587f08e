"""Alertmanager's own tool reads our routes, written as its operator writes them, and leads alerts by them."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.evaluated import evaluate

pytestmark = pytest.mark.external

ROOT = Path(__file__).parents[2]
ROUTES = "kubernetes:monitoring.coreos.com/v1alpha1:AlertmanagerConfig"
STACKS = [
    path for folder in (ROOT, ROOT / "examples") for path in sorted(folder.glob("Pulumi.*.yaml")) if "\n    alerts:" in path.read_text()
]
WRITTEN = {"routingKey": "routing_key", "apiURL": "api_url", "urlSecret": "url", "topicARN": "topic_arn"}
"""Fields whose names the operator does not just spell in another way."""


def snake(name: str) -> str:
    return WRITTEN.get(name) or re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def native(value: Any) -> Any:
    """As Alertmanager reads it: names with underscores, matchers as text, and some address for each secret."""
    if isinstance(value, dict):
        if value.keys() == {"name", "key"}:
            return "https://example.com/address"
        if value.keys() == {"name", "value", "matchType"}:
            return f'{value["name"]} {value["matchType"]} "{value["value"]}"'
        named = {"sourceMatch": "source_matchers", "targetMatch": "target_matchers"}
        return {named.get(key) or snake(key): native(item) for key, item in value.items()}
    return [native(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module", params=STACKS, ids=lambda path: path.name.split(".")[1])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (routes,) = evaluate(request.param).graph.of_type(ROUTES)
    path = tmp_path_factory.mktemp("routes") / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(native(routes.inputs["spec"])))
    return path


def led(amtool: Path, config: Path, **labels: str) -> str:
    words = [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={config}", *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_configuration_is_sound(amtool: Path, written: Path) -> None:
    done = subprocess.run([amtool, "check-config", written], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_alerts_are_led_as_the_stack_file_says(amtool: Path, written: Path) -> None:
    config = yaml.safe_load(written.read_text())
    page = config["route"]["routes"][-1]["receiver"]
    heartbeat = config["route"]["routes"][0]["receiver"]
    assert led(amtool, written, alertname="EndpointErrors", severity="page") == page
    assert led(amtool, written, alertname="KubeAPIDown", severity="critical") == page
    assert led(amtool, written, alertname="GpuIdle", severity="ticket") == config["route"]["receiver"]
    assert led(amtool, written, alertname="NodeClockSkew", severity="warning") == config["route"]["receiver"]
    assert led(amtool, written, alertname="InfoInhibitor", severity="none") == "_nobody"
    assert led(amtool, written, alertname="Watchdog", severity="none") == heartbeat
    for team in config["route"]["routes"][2:-1]:
        space = team["matchers"][0].split('"')[1]
        assert led(amtool, written, severity="ticket", namespace=space) == team["receiver"]
        assert led(amtool, written, severity="page", namespace=space) == team["routes"][0]["receiver"]


def test_a_route_to_an_unknown_receiver_is_seen(amtool: Path, written: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(written.read_text())
    config["route"]["routes"][0]["receiver"] = "nowhere"
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump(config))
    done = subprocess.run([amtool, "check-config", broken], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
