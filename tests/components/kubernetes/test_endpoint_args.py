"""What a stack file may not say of an endpoint, an engine or the operators, and what it is told instead."""

from typing import Any

import pytest
from pydantic import ValidationError

from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.tracking.server import TrackingServerArgs

DAY = {"start": "0 7 * * *", "end": "0,30 19-20 */2 * *", "timezone": "Europe/Berlin", "replicas": 2}
PROMETHEUS = {"address": "http://prometheus.monitoring.svc:9090", "namespace": "monitoring"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("model", "models:/chat@champion", "pattern"),
        ("model", "models:/chat/latest", "pattern"),
        ("model", "models:/chat/0", "pattern"),
        ("gpus", 3, "use 1, 2, 4, 8 or 16"),
        ("gpus", 0, "greater than or equal to 1"),
        ("gpus", True, "integer"),
        ("memory", "1GiB", "2GiB or more"),
        ("memory", 64, "string"),
        ("load_time", "2h", "10s to 1h"),
        ("longest_request", "500ms", None),
        ("longest_request", "2h", "1s to 1h"),
        ("scale", {"min": 3, "max": 2}, "lower min or raise max"),
        ("scale", {"min": 0, "max": 2}, "add schedules or wake, or set 1"),
        ("scale", {"min": 1, "max": 2, "kv_usage": "96%"}, "10% to 95%"),
        ("scale", {"min": 1, "max": 2, "schedules": {"day": DAY}}, None),
        ("scale", {"min": 2, "max": 3, "schedules": {"day": DAY}}, "more than min, 2, and at most max, 3"),
        ("scale", {"min": 0, "max": 1, "schedules": {"day": DAY}}, "more than min, 0, and at most max, 1"),
        ("scale", {"min": 0, "max": 2, "schedules": {"day": {**DAY, "end": "0 7 * * *"}}}, "would last no time"),
        ("scale", {"min": 0, "max": 2, "schedules": {"day": {**DAY, "end": "0 24 * * *"}}}, "five fields"),
        ("scale", {"min": 0, "max": 2, "schedules": {"day": {**DAY, "end": "0 19 * *"}}}, "five fields"),
        ("scale", {"min": 0, "max": 2, "schedules": {"day": {**DAY, "end": "0 19 * * MON"}}}, "five fields"),
        ("scale", {"min": 0, "max": 2, "schedules": {"day": {**DAY, "timezone": "Europe/Atlantis"}}}, "time zone of the IANA"),
        ("scale", {"min": 0, "max": 2, "wake": {"query": "sum(jobs_waiting)", "threshold": 5}}, None),
        ("scale", {"min": 0, "max": 2, "wake": {"query": "sum(vllm:num_requests_waiting)", "threshold": 5}}, "at zero there are none"),
        ("scale", {"min": 1, "max": 2, "settle": "1m"}, "5m to 1h"),
        ("secrets", {"lower": "x"}, "pattern"),
        ("replicas", 2, "Extra inputs"),
    ],
)
def test_endpoint_faults_are_told(endpoint_args: Any, field: str, value: object, told: str | None) -> None:
    if told is None:
        assert endpoint_args(**{field: value})
        return
    with pytest.raises(ValidationError, match=told):
        endpoint_args(**{field: value})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"gpu_memory": "99%"}, "10% to 98%"),
        ({"gpu_memory": "5%"}, "10% to 98%"),
        ({"image": "docker.io/vllm/vllm-openai:latest"}, "pattern"),
        ({"kind": "tgi"}, "'vllm', 'triton', 'container'"),
        ({"port": 1}, "Extra inputs"),
    ],
)
def test_engine_faults_are_told(endpoint_args: Any, change: dict[str, object], told: str) -> None:
    engine = {**endpoint_args().engine.model_dump(mode="json"), **change}
    with pytest.raises(ValidationError, match=told):
        endpoint_args(engine=engine)


@pytest.mark.parametrize("signal", [{"running": 8}, {"kv_usage": "80%"}])
def test_a_container_is_not_scaled_by_what_it_does_not_count(endpoint_args: Any, container_engine: dict[str, Any], signal: Any) -> None:
    scale = {"min": 1, "max": 2, **signal}
    assert endpoint_args(scale=scale)
    with pytest.raises(ValidationError, match="is not counted by a container"):
        endpoint_args(scale=scale, engine=container_engine)


def test_three_gpus_are_the_business_of_a_container(endpoint_args: Any, container_engine: dict[str, Any]) -> None:
    assert endpoint_args(gpus=3, engine=container_engine).gpus == 3


@pytest.mark.parametrize(
    ("operators", "told"),
    [
        ({"install": ["keda"]}, "say where Prometheus answers"),
        ({"prometheus": PROMETHEUS}, "remove one of them"),
        ({"install": ["keda", "keda"], "prometheus": PROMETHEUS}, "names keda twice"),
        ({"install": ["istio"], "prometheus": PROMETHEUS}, "'keda'"),
        ({"install": [], "prometheus": {**PROMETHEUS, "address": "prometheus:9090"}}, "pattern"),
    ],
)
def test_operator_faults_are_told(operators: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        OperatorsArgs.model_validate(operators)


def test_every_field_is_described() -> None:
    for model in (InferenceEndpointArgs, TrackingServerArgs, OperatorsArgs):
        schemas = [model.model_json_schema(), *model.model_json_schema().get("$defs", {}).values()]
        bare = {name for schema in schemas for name, field in schema.get("properties", {}).items() if not field.get("description")}
        assert not bare
