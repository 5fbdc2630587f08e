"""Policies name only principals that exist in an account in which nothing was made before; what else must exist is said before `up`.

KMS, IAM, S3 and SNS refuse a policy that names a role which is not there, and a service-linked role is there only after first use of
its service. Sources: KMS developer guide, "Key policies", Principal element; terraform-aws-eks#3013, terraform-aws-kms#30.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from components.catalogue.linked_roles import LinkedRole, linked_roles
from graph.model import Graph, Resource
from review.before_up import before_up
from tests.assertions.graphs import graph, on_aws

MANAGED: Mapping[str, Any] = json.loads(aws_managed_policies_data)
LINKED = ":role/aws-service-role/"
SERVICES = frozenset(
    {
        "backup.amazonaws.com",
        "budgets.amazonaws.com",
        "cloudtrail.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "config.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "ec2.amazonaws.com",
        "ecr.amazonaws.com",
        "eks.amazonaws.com",
        "events.amazonaws.com",
        "firehose.amazonaws.com",
        "logging.s3.amazonaws.com",
        "logs.eu-west-1.amazonaws.com",
        "logs.us-east-2.amazonaws.com",
        "logs.us-west-2.amazonaws.com",
        "monitoring.rds.amazonaws.com",
        "pods.eks.amazonaws.com",
        "s3.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
    }
)
"""Service principals that documentation of AWS was read for; an unknown one is an invalid principal too."""


def documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every policy document within a value, as JSON text."""
    if isinstance(value, str) and '"Statement"' in value:
        yield json.loads(value)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from documents(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from documents(part)


def principals(resource: Resource) -> Iterator[tuple[str, str]]:
    """Kind and name of every principal that policies of a resource name."""
    for document in documents(resource.inputs):
        for statement in document["Statement"]:
            named = statement.get("Principal", {})
            for kind, value in (named if isinstance(named, Mapping) else {"AWS": named}).items():
                yield from ((kind, name) for name in ([value] if isinstance(value, str) else value))


def made(stack: Graph) -> frozenset[str]:
    """ARNs of the roles that a stack makes."""
    return frozenset(str(role.outputs.get("arn")) for role in stack.of_type("aws:iam/role:Role"))


@pytest.mark.parametrize("stack", on_aws())
def test_no_policy_names_a_principal_that_may_not_exist(stack: str) -> None:
    known, judged = made(graph(stack)), 0
    for resource in graph(stack):
        for kind, name in principals(resource):
            judged += 1
            sound = name in SERVICES if kind == "Service" else name == "*" or name.endswith(":root") or name in known
            assert sound, f"{resource.urn}: {kind} {name}"
    assert judged or "team" in stack, "no principal was judged"


def named_roles(value: Any) -> Iterator[str]:
    """Service-linked roles that an input names, outside of policy documents."""
    if isinstance(value, str):
        yield from [value] if LINKED in value and not value.startswith("{") else []
    elif isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from named_roles(part)


@pytest.mark.parametrize("stack", on_aws())
def test_every_linked_role_that_must_be_there_is_said_before_up(stack: str) -> None:
    told = " ".join(note.text for note in before_up(graph(stack)))
    for resource in graph(stack):
        for arn in named_roles(resource.inputs):
            assert f"--aws-service-name {arn.split('/')[-2]}" in told, f"{resource.urn}: {arn}"


def test_a_recorder_of_configuration_needs_a_role_that_nothing_makes() -> None:
    recording = [name for name in on_aws() if graph(name).of_type("aws:cfg/recorder:Recorder")]
    assert recording
    for stack in recording:
        assert sum("AWSServiceRoleForConfig " in note.text for note in before_up(graph(stack))) == 1


@pytest.mark.parametrize("stack", on_aws())
def test_every_service_is_known_to_use_a_linked_role_or_none(stack: str) -> None:
    """A service that is new here must be looked up in its documentation and come into the table."""
    used = {r.type.split("/")[0].removeprefix("aws:") for r in graph(stack) if r.type.startswith("aws:")}
    assert used - {row.service for row in linked_roles()} == set()


@pytest.mark.parametrize("row", [row for row in linked_roles() if row.by.startswith(("A", "AWS"))], ids=lambda row: row.by)
def test_a_policy_of_aws_makes_the_role_that_the_table_says(row: LinkedRole) -> None:
    """Managed policies of AWS as moto 5.2.5 has them."""
    statements = MANAGED[row.by]["Document"]["Statement"]
    makes = [s for s in statements if "iam:CreateServiceLinkedRole" in s["Action"] and row.principal in json.dumps(s["Condition"])]
    assert makes


@pytest.mark.parametrize("stack", on_aws())
def test_karpenter_may_have_the_role_for_spot_made_where_it_buys_so(stack: str) -> None:
    # Pools of EKS Auto Mode have node classes of their own kind, and AWS makes what they need.
    ours = graph(stack).of_type("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass")
    pools = graph(stack).of_type("kubernetes:karpenter.sh/v1:NodePool") if ours else ()
    spot = [pool for pool in pools if '"spot"' in json.dumps(pool.inputs["spec"]["template"]["spec"]["requirements"])]
    policies = [d for r in graph(stack).of_type("aws:iam/rolePolicy:RolePolicy") for d in documents(r.inputs) if "karpenter" in r.name]
    asked = [s for d in policies for s in d["Statement"] if "iam:CreateServiceLinkedRole" in s["Action"]]
    assert bool(asked) == bool(spot)
    for statement in asked:
        assert statement["Condition"] == {"StringEquals": {"iam:AWSServiceName": "spot.amazonaws.com"}}
