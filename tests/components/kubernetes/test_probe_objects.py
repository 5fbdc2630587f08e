"""The probe as objects: who may reach whom, what is asked of which engine, and when it pages."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from components.kubernetes.serving import probe
from components.kubernetes.serving.monitor import series
from components.kubernetes.serving.scaling import awake
from components.spec import PLACEHOLDER_DIGEST, Secret
from tests.components.kubernetes.test_engines import TRITON
from tests.components.kubernetes.test_serving_manifests import IDENTITY
from workloads.probe import Settings

PROBE = {"image": f"registry.example.internal/ml/python@{PLACEHOLDER_DIGEST}"}


def variables(graph: Any, named: Any) -> dict[str, Any]:
    (container,) = named(graph, "chat-probe-pods").inputs["spec"]["template"]["spec"]["containers"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container["env"]}


def test_the_program_understands_what_it_is_told(site: Any, endpoint_args: Any, named: Any) -> None:
    secret = Secret("canary-9", encrypted=False)
    site.endpoints = {"chat": endpoint_args(probe={**PROBE, "interval": "90s", "key": "API_KEY"}, secrets={"API_KEY": secret})}
    graph = site.record()
    told = variables(graph, named)
    assert told["PROBE_KEY"] == {"secretKeyRef": {"name": "chat-secrets", "key": "API_KEY"}}
    read = Settings.read({**told, "PROBE_KEY": "k"})
    assert read.url == "http://chat.groundwork-fra1-endpoint-chat.svc/v1/completions"
    assert json.loads(read.body)["model"] == "llama-3.1-8b"
    assert (read.interval, read.timeout, read.port) == (90, 30, probe.PORT)
    assert "canary-9" not in repr(graph)


def test_the_program_is_the_one_of_this_project_and_names_what_holds_it(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args(probe=PROBE)}
    graph = site.record()
    held = named(graph, "chat-probe-program").inputs
    assert held["data"] == {"probe.py": probe.PROGRAM.read_text()}
    pod = named(graph, "chat-probe-pods").inputs["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "program", "configMap": {"name": held["metadata"]["name"]}}]
    assert pod["containers"][0]["command"][-1] == "/program/probe.py"


def test_the_probe_reaches_the_endpoint_and_nothing_else(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args(probe=PROBE)}
    graph = site.record()
    own = probe.probing(IDENTITY).selector
    _, out = named(graph, "chat-probe-network").inputs["spec"]["egress"]
    assert out == {"to": [{"podSelector": {"matchLabels": IDENTITY.selector}}], "ports": [{"protocol": "TCP", "port": 8000}]}
    (inward,) = named(graph, "chat-probed").inputs["spec"]["ingress"]
    assert inward == {"from": [{"podSelector": {"matchLabels": own}}], "ports": [{"protocol": "TCP", "port": 8000}]}
    labels = named(graph, "chat-probe-pods").inputs["spec"]["template"]["metadata"]["labels"]
    assert own.items() <= labels.items()
    assert not IDENTITY.selector.items() <= labels.items(), "no Service and no autoscaler takes it for a server"


def test_the_namespace_has_room_for_it(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args(probe=PROBE), "plain": endpoint_args()}
    graph = site.record()
    assert [named(graph, f"{name}-quota").inputs["spec"]["hard"]["pods"] for name in ("chat", "plain")] == ["8", "7"]


@pytest.mark.parametrize(("engine", "path"), [("vllm", "/v1/completions"), ("triton", "/v2/health/ready"), ("container", "/ready")])
def test_each_engine_is_asked_what_it_can_answer(endpoint_args: Any, container_engine: Any, engine: str, path: str) -> None:
    engines = {"vllm": endpoint_args().engine, "triton": endpoint_args(engine=TRITON).engine}
    asked = probe.question(engines.get(engine) or endpoint_args(engine=container_engine).engine, "models:/llama/1")
    assert asked.path == path
    assert bool(asked.body) == bool(asked.expect) == (engine == "vllm")


def test_a_sleeper_pages_only_while_it_is_awake() -> None:
    page, ticket = probe.alert(IDENTITY, "")["spec"]["groups"][0]["rules"]
    sleepy, _ = probe.alert(IDENTITY, awake("ns", "gpu"))["spec"]["groups"][0]["rules"]
    assert page["expr"] == f"max(groundwork_probe_success{{{series(probe.probing(IDENTITY))}}}) == 0"
    assert sleepy["expr"] == f"{page['expr']} and on() {awake('ns', 'gpu')}"
    assert (page["labels"]["severity"], ticket["labels"]["severity"]) == ("page", "ticket")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"interval": "5s", "timeout": "1s"}, "10s to 1h"),
        ({"interval": "30s"}, "not less than the interval"),
        ({"key": "API_KEY"}, "add it to secrets"),
        ({"request": {"path": "v1/completions"}}, "pattern"),
        ({"request": {"path": "/v1/completions", "body": "{'model': 1}"}}, "must be JSON"),
        ({"image": "python:3.12"}, "pattern"),
    ],
)
def test_probe_faults_are_told(endpoint_args: Any, change: dict[str, Any], told: str) -> None:
    assert endpoint_args(probe=PROBE)
    with pytest.raises(ValidationError, match=told):
        endpoint_args(probe={**PROBE, **change})
