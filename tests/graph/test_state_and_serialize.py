"""Graphs from the engine's state, and graphs as JSON."""

import json
from typing import Any

import pytest
from programs import Network, aws_provider, by_name, drawn, using

from graph.model import UNKNOWN, SecretValue
from graph.serialize import to_json
from graph.state import from_deployment
from graph.urns import Urn, child_urn, seconds

STACK = "urn:pulumi:dev::groundwork::pulumi:pulumi:Stack::groundwork-dev"
BUCKET = "urn:pulumi:dev::groundwork::aws:s3/bucket:Bucket::b"
SIGNED = "4dabf18193072939515e22adb298388d"
SECRET = {SIGNED: "1b47061264138c4ac30d75fd1eb44270"}
REFERENCE = {SIGNED: "5cf8f73096256a8f31e491e813e4eb8e", "urn": BUCKET, "id": "b"}


def exported(**bucket: Any) -> dict[str, Any]:
    stack = {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False, "outputs": {"name": "b"}}
    row = {"urn": BUCKET, "type": "aws:s3/bucket:Bucket", "custom": True, "parent": STACK, "id": "b", **bucket}
    return {"version": 3, "deployment": {"resources": [stack, row]}}


def test_the_state_is_read_as_the_recorder_writes() -> None:
    graph = from_deployment(
        exported(
            inputs={"bucket": "b", "count": 3.0, "share": 0.5, "__defaults": ["bucket"], "rule": {"__defaults": [], "days": 1.0}},
            outputs={"bucket": "b", "arn": "arn:aws:s3:::b"},
            provider="urn:pulumi:dev::groundwork::pulumi:providers:aws::aws::1234",
            dependencies=["z", "a"],
            propertyDependencies={"bucket": ["z", "a"], "count": []},
            protect=True,
            customTimeouts={"create": 4800, "update": 0},
        )
    )
    bucket = by_name(graph)["b"]
    assert (graph.project, graph.stack, graph.outputs) == ("groundwork", "dev", {"name": "b"})
    assert bucket.inputs == {"bucket": "b", "count": 3, "share": 0.5, "rule": {"days": 1}}
    assert type(bucket.inputs["count"]) is int
    assert bucket.computed == {"arn"}
    assert bucket.provider == "urn:pulumi:dev::groundwork::pulumi:providers:aws::aws"
    assert bucket.dependencies == ("a", "z")
    assert bucket.property_dependencies == {"bucket": ("a", "z")}
    assert bucket.options.protect
    assert bucket.options.timeouts == {"create": "4800s"}


def test_secrets_and_references_in_the_state() -> None:
    shown = {**SECRET, "plaintext": json.dumps({"token": "hush", "port": 1.0})}
    bucket = by_name(from_deployment(exported(inputs={"shown": shown, "hidden": {**SECRET, "ciphertext": "x"}, "ref": REFERENCE})))["b"]
    assert bucket.inputs == {"shown": SecretValue({"token": "hush", "port": 1}), "hidden": SecretValue(UNKNOWN), "ref": "b"}


def test_a_reference_is_the_id_of_a_resource_or_the_urn_of_a_component() -> None:
    component = {key: value for key, value in REFERENCE.items() if key != "id"}
    inputs = {"made": REFERENCE, "planned": {**REFERENCE, "id": ""}, "component": component}
    assert by_name(from_deployment(exported(inputs=inputs)))["b"].inputs == {"made": "b", "planned": UNKNOWN, "component": BUCKET}


def test_what_waits_for_deletion_is_left_out_and_an_empty_stack_is_told() -> None:
    assert len(from_deployment(exported(delete=True))) == 1
    assert len(from_deployment(exported(type="pulumi:providers:pulumi"))) == 1
    with pytest.raises(ValueError, match="no stack resource"):
        from_deployment({"deployment": {}})


def test_a_graph_as_json_is_complete_and_shows_no_secret() -> None:
    def program() -> None:
        import pulumi
        import pulumi_aws as aws

        provider = aws_provider()
        Network("net", opts=using(provider, protect=True))
        aws.kms.Alias("b", name="alias/b", target_key_id=pulumi.Output.secret("hush"), opts=using(provider))

    for unknowns in (False, True):
        graph = drawn(program, unknowns=unknowns)
        text = json.dumps(to_json(graph))
        assert "hush" not in text
        assert [row["urn"] for row in json.loads(text)["resources"]] == [resource.urn for resource in graph]
        rows = {row["name"]: row for row in json.loads(text)["resources"]}
        assert rows["b"]["inputs"] == {"name": "alias/b", "targetKeyId": {"$secret": True}}
        assert rows["net-vpc"]["options"] == {"protect": True}
        assert rows["net-subnet-0"]["inputs"]["vpcId"] == ({"$unknown": True} if unknowns else by_name(graph)["net-vpc"].id)


@pytest.mark.parametrize(("text", "told"), [("90s", "90s"), ("1h20m", "4800s"), ("1.5h", "5400s"), ("500ms", "0.5s")])
def test_durations(text: str, told: str) -> None:
    assert seconds(text) == told


@pytest.mark.parametrize("text", ["", "5", "5 m", "m5", "5d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_urns() -> None:
    below = child_urn("dev", "groundwork", STACK, "groundwork:aws:Network", "net")
    child = child_urn("dev", "groundwork", below, "aws:ec2/vpc:Vpc", "a::b")
    assert child == "urn:pulumi:dev::groundwork::groundwork:aws:Network$aws:ec2/vpc:Vpc::a::b"
    assert Urn.parse(child).name == "a::b"
    assert Urn.parse(child).type == "aws:ec2/vpc:Vpc"
    with pytest.raises(ValueError, match="not a URN"):
        Urn.parse("urn:pulumi:dev::groundwork")
