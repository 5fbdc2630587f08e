"""What the cloud imposes, held to the services' own models and to the SDK's types; and how long things take, by variant."""

from typing import Any

import botocore.session
import pytest

from graph.types import imposed, latency, schema
from graph.types.tables import load, rows

ROWS = [(token, row) for token, needs in rows("imposed").items() for row in needs]
SESSION = botocore.session.get_session()


DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def pods(app: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """An object whose pods may take four minutes to start."""
    container = {"name": "server", "startupProbe": {"periodSeconds": 10, "failureThreshold": 24}}
    metadata = {"labels": {"app.kubernetes.io/name": app}, "annotations": annotations}
    return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [container]}}}}


def told(pair: tuple[str, dict[str, Any]]) -> str:
    return f"{pair[0].rpartition(':')[2]}-{pair[1]['needs'].rpartition(':')[2]}"


@pytest.mark.parametrize("pair", [pair for pair in ROWS if "api" in pair[1]], ids=told)
def test_an_edge_by_a_parameter_is_a_parameter_of_the_call(pair: tuple[str, dict[str, Any]]) -> None:
    service, _, call = pair[1]["api"].partition(":")
    operation, _, parameter = call.partition(".")
    assert parameter in SESSION.get_service_model(service).operation_model(operation).input_shape.members
    assert pair[1]["by"] in schema.properties(pair[0])


@pytest.mark.parametrize("pair", [pair for pair in ROWS if "api" not in pair[1]], ids=told)
def test_an_edge_by_nature_says_why_and_where_that_is_written(pair: tuple[str, dict[str, Any]]) -> None:
    assert len(pair[1]["why"]) > 20
    assert len(pair[1]["source"]) > 10


def test_rows_have_known_keys_and_name_types_that_there_are() -> None:
    for token, row in ROWS:
        assert row.keys() <= {"needs", "by", "when", "where", "api", "why", "source"}
        assert schema.properties(row["needs"]), row["needs"]
        conditions = [(token, name) for name in row.get("when", ())] + [(row["needs"], name) for name in row.get("where", ())]
        assert all(name in schema.properties(owner) for owner, name in conditions)
        assert "*" in token or schema.properties(token)


def test_patterns_add_to_each_other() -> None:
    needs = {need.needs for need in imposed.of("kubernetes:keda.sh/v1alpha1:ScaledObject")}
    assert needs == {"kubernetes:helm.sh/v3:Release", "aws:eks/cluster:Cluster"}
    assert imposed.of("aws:nowhere/thing:Thing") == ()


@pytest.mark.parametrize(
    ("token", "inputs", "seconds"),
    [
        ("aws:rds/instance:Instance", {"multiAz": True}, 934),
        ("aws:rds/instance:Instance", {"multiAz": False}, 410),
        ("aws:rds/instance:Instance", {"engine": "postgres"}, 410),
        ("aws:rds/instance:Instance", {}, 466),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface"}, 43),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "GatewayLoadBalancer"}, 6),
        ("aws:ec2/subnet:Subnet", {"vpcId": "vpc-1"}, 10),
        ("aws:nowhere/thing:Thing", {"a": 1}, 2),
        (DEPLOYMENT, pods("tracking-server"), 13),
        (DEPLOYMENT, pods("inference-endpoint"), 13 + 240),
        (DEPLOYMENT, pods("shadow-endpoint"), 13 + 240),
        (DEPLOYMENT, pods("inference-endpoint", {"pulumi.com/skipAwait": "true"}), 2),
        ("kubernetes:argoproj.io/v1alpha1:Rollout", pods("inference-endpoint"), 2 + 240),
    ],
)
def test_a_variant_is_chosen_by_inputs(token: str, inputs: dict[str, Any], seconds: float) -> None:
    assert latency.of(token, inputs=inputs).median == seconds


def test_every_variant_says_when_and_on_what_it_stands() -> None:
    for token, row in load("latency")["types"].items():
        for variant in row.get("variants", {}).values():
            assert all(name in schema.properties(token) for name in variant["when"])
            assert variant["basis"]
