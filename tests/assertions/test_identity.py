"""Who may do what, over every stack: boundaries hold, grants stay below them, and each pod's account has one role."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from components.aws.documents.boundary import boundary
from graph.model import Graph, Resource
from tests.assertions.graphs import graph, on_aws

ROLE, INLINE, ATTACHMENT = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY, ASSOCIATION = "aws:iam/policy:Policy", "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ADDON = "aws:eks/addon:Addon"
Statement = dict[str, Any]


CUT = {
    "AWSBackupServiceRolePolicyFor": frozenset(
        (
            "backup-gateway",
            "cloudformation",
            "ds",
            "dsql",
            "ebs",
            "redshift",
            "redshift-serverless",
            "ssm-sap",
            "storagegateway",
            "timestream",
        )
    )
}
"""Services that a policy of AWS grants, by the beginning of its name, and the boundary takes away on purpose: nothing here uses them."""


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(text: str) -> list[Statement]:
    return many(json.loads(text)["Statement"])


@cache
def managed() -> dict[str, Any]:
    """Documents of AWS-managed policies by ARN, as moto holds them."""
    policies = json.loads(aws_managed_policies_data)
    return {f"arn:aws:iam::aws:policy{entry.get('Path', '/')}{name}": entry["Document"] for name, entry in policies.items()}


def granted(stack: Graph) -> Iterator[tuple[str, str]]:
    """(role, action) of all that roles may do by policies of their own or of AWS."""
    for policy in stack.of_type(INLINE):
        yield from (
            (policy.inputs["role"], a) for s in statements(policy.inputs["policy"]) if s["Effect"] == "Allow" for a in many(s["Action"])
        )
    for attached in stack.of_type(ATTACHMENT):
        for statement in many(managed()[attached.inputs["policyArn"]]["Statement"]):
            if statement["Effect"] == "Allow":
                yield from ((attached.inputs["role"], a) for a in many(statement["Action"]) if a.split(":")[0] not in cut(attached))


def cut(attached: Resource) -> frozenset[str]:
    name = attached.inputs["policyArn"].rpartition("/")[2]
    return next((services for beginning, services in CUT.items() if name.startswith(beginning)), frozenset())


def covers(ceiling: list[Statement], action: str) -> bool:
    def named(effect: str) -> bool:
        return any(fnmatchcase(action, a) for s in ceiling if s["Effect"] == effect and "Condition" not in s for a in many(s["Action"]))

    allowed = any(fnmatchcase(action, a) for s in ceiling if s["Effect"] == "Allow" for a in many(s["Action"]))
    return allowed and not named("Deny")


def ceilings(stack: Graph) -> list[Resource]:
    bounds = {urn for role in stack.of_type(ROLE) for urn in role.property_dependencies.get("permissionsBoundary", ())}
    return [policy for policy in stack.of_type(POLICY) if policy.urn in bounds]


@pytest.mark.parametrize("stack", on_aws())
def test_what_a_role_is_granted_lies_below_its_boundary(stack: str) -> None:
    for policy in ceilings(graph(stack)):
        ceiling = statements(policy.inputs["policy"])
        beyond = {(role, action) for role, action in granted(graph(stack)) if not covers(ceiling, action)}
        assert not beyond, "add the service to SERVICES of components/aws/documents/boundary.py, or grant less"


@pytest.mark.parametrize("stack", on_aws())
def test_every_role_is_bounded_alike(stack: str) -> None:
    bounds = {role.inputs.get("permissionsBoundary") for role in graph(stack).of_type(ROLE)}
    assert len(bounds) == 1


def test_the_reference_stacks_own_their_boundary() -> None:
    for stack in ("dev", "prod"):
        (ceiling,) = ceilings(graph(stack))
        assert len(re.sub(r"\s", "", ceiling.inputs["policy"])) <= 6144, "the most that IAM takes of a managed policy"


def test_the_ceiling_refuses_escalation_other_regions_and_lost_traces() -> None:
    document = [dict(s) for s in boundary("111122223333", ["us-west-2"], "arn:aws:iam::111122223333:role/x-*")]
    assert not covers(document, "iam:PutRolePolicy")
    assert not covers(document, "iam:CreateUser")
    assert not covers(document, "organizations:LeaveOrganization")
    assert not covers(document, "cloudtrail:StopLogging")
    assert covers(document, "s3:GetObject")
    regional = [s for s in document if "s3:*" in s["Action"]]
    assert [s["Condition"] for s in regional] == [{"StringEquals": {"aws:RequestedRegion": ["us-west-2"]}}]


@pytest.mark.parametrize("stack", on_aws())
def test_no_grant_has_a_wildcard_action(stack: str) -> None:
    for policy in graph(stack).of_type(INLINE):
        for statement in statements(policy.inputs["policy"]):
            assert "NotAction" not in statement
            assert not any(action == "*" or action.endswith(":*") for action in many(statement["Action"])), policy.name


def cluster(resource: Resource) -> tuple[str, ...]:
    """Which cluster something is of, where there is one in each of two regions."""
    return tuple(resource.property_dependencies.get("clusterName", ()))


@pytest.mark.parametrize("stack", on_aws())
def test_each_account_has_one_role_and_trusts_name_it(stack: str) -> None:
    made = graph(stack)
    accounts = Counter((cluster(a), a.inputs["namespace"], a.inputs["serviceAccount"]) for a in made.of_type(ASSOCIATION))
    accounts += Counter(
        (cluster(addon), "kube-system", a["serviceAccount"])
        for addon in made.of_type(ADDON)
        for a in addon.inputs.get("podIdentityAssociations", ())
    )
    assert accounts
    assert set(accounts.values()) == {1}
    for role in made.of_type(ROLE):
        for trust in statements(role.inputs["assumeRolePolicy"]):
            if trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}:
                assert set(trust["Action"]) == {"sts:AssumeRole", "sts:TagSession"}
                assert not any("*" in value for value in trust["Condition"]["StringEquals"].values())
