"""A program that uses what reference stacks do not: the recorder still draws what the real engine keeps."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from graph.model import Graph, Resource, SecretValue
from graph.recorder import record
from graph.state import from_deployment
from rehearsal.stage import Stage

pytestmark = pytest.mark.engine

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes


class Box(pulumi.ComponentResource):
    def __init__(self, name, props=None, opts=None):
        super().__init__("test:index:Box", name, props, opts)


here = aws.Provider("here", region="us-west-2", allowed_account_ids=["111122223333"], default_tags={"tags": {"a": "b"}})
there = aws.Provider("there", region="eu-west-1", allowed_account_ids=["111122223333"], opts=pulumi.ResourceOptions(protect=True))
shelter = aws.s3.Bucket("shelter", bucket="shelter", opts=pulumi.ResourceOptions(provider=here))
outer = Box("outer", {"bucket": shelter, "number": 7, "hidden": pulumi.Output.secret("hush")}, pulumi.ResourceOptions(
    providers=[here], protect=True, deleted_with=shelter, aliases=[pulumi.Alias(name="formerly")]))
inner = Box("inner", opts=pulumi.ResourceOptions(parent=outer, retain_on_delete=True))
below = pulumi.ResourceOptions(parent=inner)
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"Name": pulumi.Output.secret("hush")}, opts=pulumi.ResourceOptions.merge(
    below, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1h20m", update="90s"), ignore_changes=["tags"])))
subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block=vpc.cidr_block.apply(lambda text: text.replace("/16", "/24")),
    opts=pulumi.ResourceOptions(parent=vpc, protect=False, replace_on_changes=["cidrBlock"]))
elsewhere = aws.s3.Bucket("elsewhere", bucket="elsewhere", opts=pulumi.ResourceOptions(parent=inner, provider=there, depends_on=[subnet]))
group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id, name="g", description="d",
    ingress=[{"protocol": "tcp", "from_port": 1, "to_port": 2, "cidr_blocks": [subnet.cidr_block]}], opts=below)
policy = pulumi.Output.all(shelter.arn, elsewhere.arn).apply(lambda arns: json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": arns}]}))
aws.iam.Policy("policy", name="p", policy=policy, opts=pulumi.ResourceOptions(provider=here, depends_on=[inner, subnet]))
cluster = kubernetes.Provider("cluster", cluster_identifier="c", kubeconfig=vpc.arn.apply(lambda arn: json.dumps(
    {"clusters": [{"name": "c", "cluster": {"server": f"https://{arn}"}}]})))
inside = pulumi.ResourceOptions(provider=cluster)
home = kubernetes.core.v1.Namespace("home", metadata={"name": "home"}, opts=inside)
kubernetes.core.v1.Secret("secret", metadata={"name": "s", "namespace": home.metadata["name"]},
    string_data={"k": pulumi.Output.secret("hush")}, opts=inside)
kubernetes.apps.v1.Deployment("app", metadata={"name": "a", "namespace": home.metadata["name"]}, spec={
    "replicas": 2, "selector": {"match_labels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
        {"name": "c", "image": "i", "resources": {"limits": {"cpu": "500m"}}, "env": [{"name": "VPC", "value": vpc.id}]}]}}}, opts=inside)
outer.register_outputs({"vpc": vpc.id, "hidden": pulumi.Output.secret(vpc.arn)})
pulumi.export("group", group.id)
pulumi.export("share", 0.5)
pulumi.export("hidden", pulumi.Output.secret({"token": "hush"}))
"""
CONFIG = 'config:\n  pulumi:disable-default-providers: ["*"]\n'


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Graph, Graph]:
    """The graphs of the engine's first preview and of its state after `up`."""
    project = tmp_path_factory.mktemp("awkward") / "project"
    (project / "infra").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text("name: awkward\nruntime: python\nmain: infra/\n")
    (project / "Pulumi.test.yaml").write_text(CONFIG)
    (project / "infra" / "__main__.py").write_text(PROGRAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        with Stage(project, "test") as stage:
            preview = json.loads(stage.pulumi("preview", "--json", check=True).stdout)
            stage.pulumi("up", "--yes", "--skip-preview", check=True)
            exported = json.loads(stage.pulumi("stack", "export", "--show-secrets", check=True).stdout)
    return from_deployment({"resources": [step["newState"] for step in preview["steps"]]}), from_deployment(exported)


def drawn(*, unknowns: bool) -> Graph:
    code = compile(PROGRAM, "awkward", "exec")
    return record(lambda: exec(code, {"__name__": "__main__"}), project="awkward", stack="test", config={}, unknowns=unknowns)


def sealed(value: Any) -> Any:
    """A value with every secret as its marker."""
    if isinstance(value, SecretValue):
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: sealed(item) for key, item in value.items()}
    return [sealed(item) for item in value] if isinstance(value, list) else value


def facts(resource: Resource, *, values: Any) -> dict[str, Any]:
    """Everything that recorder and engine both tell of a resource."""
    options = resource.options
    return {
        **{name: getattr(resource, name) for name in ("type", "name", "custom", "parent", "provider", "dependencies")},
        "inputs": values(resource.inputs),
        "sources": {**resource.property_dependencies},
        "options": (options.protect, options.retain_on_delete, options.deleted_with, options.ignore_changes, options.timeouts),
        "replaced on": (options.replace_on_changes, sorted(options.additional_secret_outputs)),
        "id": "" if resource.is_provider else resource.id,
    }


def compared(mine: Graph, theirs: Graph, values: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the two graphs say where they differ, by URN and fact."""
    first, second = (
        {f"{resource.urn} {name}": fact for resource in graph for name, fact in facts(resource, values=values).items()}
        for graph in (mine, theirs)
    )
    differing = {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
    return {key: first.get(key) for key in differing}, {key: second.get(key) for key in differing}


def test_the_state_after_up_is_what_was_recorded_secrets_and_all(rehearsed: tuple[Graph, Graph]) -> None:
    mine, theirs = compared(drawn(unknowns=False), rehearsed[1], dict)
    assert mine == theirs


def test_outputs_of_stack_and_components_are_the_engines(rehearsed: tuple[Graph, Graph]) -> None:
    graph, state = drawn(unknowns=False), rehearsed[1]
    assert graph.outputs == state.outputs
    assert graph.outputs["hidden"] == SecretValue({"token": "hush"})
    assert [r.outputs for r in graph if r.name == "outer"] == [r.outputs for r in state if r.name == "outer"]


def test_the_first_preview_is_what_is_recorded_with_unknowns(rehearsed: tuple[Graph, Graph]) -> None:
    mine, theirs = compared(drawn(unknowns=True), rehearsed[0], sealed)
    assert mine == theirs
