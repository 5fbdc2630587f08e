"""Least privilege: who may act as whom, and do what."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from graph.model import Resource
from policies.model import Book, View, document, get, many
from policies.nodes import STARTERS, start

BOOK = Book("identity")
BROAD = frozenset({"AmazonEKSAdminPolicy", "AmazonEKSAdminViewPolicy", "AmazonEKSEditPolicy", "AmazonEKSSecretReaderPolicy"})
"""Access policies of EKS that are meant for namespaces, and those that read every secret of a cluster."""
READS = re.compile(r"[a-z0-9-]+:(Describe|Get|List|BatchGet|BatchCheck)[A-Za-z*]*")
"""Actions that only look; many of them know no resource-level permission."""
UNSCOPED = frozenset({"ecr:GetAuthorizationToken", "sts:GetCallerIdentity", "cloudwatch:PutMetricData"})
"""Actions for which IAM knows no resource (service authorization reference of each service)."""


ROLE, ATTACHMENT = "aws:iam/role:Role", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
RAISES = frozenset({"iam:AttachRolePolicy", "iam:CreatePolicyVersion", "iam:DeleteRolePermissionsBoundary", "iam:PutRolePolicy"})
"""Actions with which a role could raise its own rights: a ceiling that does not deny them is none."""


def allowed(source: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The statements of a document that allow something."""
    return [statement for statement in many(source.get("Statement")) if statement.get("Effect") == "Allow"]


def too_wide(statement: Mapping[str, Any]) -> Iterator[str]:
    """What a statement allows beyond need."""
    actions = many(statement.get("Action"))
    if "NotAction" in statement or "NotResource" in statement:
        yield "allows everything but what it names"
    for action in actions:
        if action == "*" or action.endswith(":*"):
            yield f"allows {action}"
    writes = [action for action in actions if not READS.fullmatch(action) and action not in UNSCOPED]
    if "*" in many(statement.get("Resource")) and writes and not statement.get("Condition"):
        yield f"allows {', '.join(sorted(writes))} on every resource without a condition"


def leaks(ceiling: Mapping[str, Any]) -> Iterator[str]:
    """How a role could raise itself above its boundary."""
    denied = {action for s in many(ceiling.get("Statement")) if s.get("Effect") == "Deny" for action in many(s.get("Action"))}
    if "iam:*" not in denied and (missing := RAISES - denied):
        yield f"is a boundary that lets a role raise its rights: deny {', '.join(sorted(missing))}"


@BOOK.rule(
    "least-privilege",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/policy:Policy",
    title="Roles may do what they need and no more",
    remedy="name actions and resources, or add a condition",
)
def least_privilege(policy: Resource, view: View) -> Iterator[str]:
    """No wildcard action; no wildcard resource for what changes something. A boundary grants nothing, so it must only hold."""
    if view.attached(policy, ROLE, "permissionsBoundary") and not view.attached(policy, ATTACHMENT, "policyArn"):
        yield from leaks(document(policy, "policy"))
        return
    for statement in allowed(document(policy, "policy")):
        yield from too_wide(statement)


@BOOK.rule(
    "no-administrator",
    ATTACHMENT,
    title="No role is an administrator",
    remedy="write a policy of what it needs",
    severity="critical",
)
def no_administrator(attachment: Resource, view: View) -> Iterator[str]:
    """AWS-managed policies that allow everything of a service or of all."""
    arn = get(attachment, "policyArn", "")
    if arn.endswith(("/AdministratorAccess", "/PowerUserAccess", "FullAccess")):
        yield f"attaches {arn.rsplit('/', 1)[-1]}"


@BOOK.rule(
    "role-boundary",
    ROLE,
    title="Every role has a permissions boundary",
    remedy="set identity.boundary to own, or to the ARN of the account's boundary",
    severity="medium",
    tier="production",
)
def role_boundary(role: Resource, view: View) -> Iterator[str]:
    """A mistake in one policy then stays below the ceiling of all."""
    if not view.linked(role, "permissionsBoundary") and not get(role, "permissionsBoundary"):
        yield "has no permissions boundary"


def unbound(condition: Mapping[str, Any]) -> Iterator[str]:
    """What a trust in an identity provider leaves open (EKS user guide, "IAM roles for service accounts")."""
    exact = {key.rsplit(":", 1)[-1]: value for key, value in condition.get("StringEquals", {}).items()}
    if missing := {"sub", "aud"} - exact.keys():
        yield f"any identity of its provider may assume it: {', '.join(sorted(missing))} is not compared exactly"
    if any("*" in value for value in many(exact.get("sub"))):
        yield "its service account is a pattern"


@BOOK.rule(
    "trust-policy",
    ROLE,
    title="Roles name who may assume them",
    remedy="name the principal; pods need sts:TagSession beside sts:AssumeRole, federated identities an exact sub and aud",
)
def trust_policy(role: Resource, view: View) -> Iterator[str]:
    """No anonymous principal, and what Pod Identity needs (EKS user guide, pod identity role)."""
    for statement in allowed(document(role, "assumeRolePolicy")):
        principal = statement.get("Principal")
        named = [p for group in (principal.values() if isinstance(principal, Mapping) else [principal]) for p in many(group)]
        if "*" in named:
            yield "anybody may assume it"
        if "pods.eks.amazonaws.com" in named and "sts:TagSession" not in many(statement.get("Action")):
            yield "Pod Identity cannot tag its sessions"
        if isinstance(principal, Mapping) and "Federated" in principal:
            yield from unbound(statement.get("Condition", {}))


@BOOK.rule(
    "key-policy",
    "aws:kms/key:Key",
    title="Keys have an owner and no strangers",
    remedy="name principals, or add a condition on the account",
    severity="critical",
)
def key_policy(key: Resource, view: View) -> Iterator[str]:
    """A policy of its own, without an unconditional wildcard principal."""
    statements = allowed(document(key, "policy"))
    if not statements:
        yield "has no policy of its own"
    for statement in statements:
        principal = statement.get("Principal")
        named = many(principal.get("AWS")) if isinstance(principal, Mapping) else [principal]
        if "*" in named and not statement.get("Condition"):
            yield "anybody may use it"


@BOOK.rule(
    "principal-exists",
    "aws:kms/key:Key",
    ROLE,
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:efs/fileSystemPolicy:FileSystemPolicy",
    title="Policies name no role that an account may lack",
    remedy='name it in a condition on aws:PrincipalArn, beside the principal "*" and the account',
)
def principal_exists(owner: Resource, view: View) -> Iterator[str]:
    """No service-linked role as principal: it is there only after first use of its service, and a policy that names it is refused."""
    for statement in many(document(owner, "assumeRolePolicy" if owner.type == ROLE else "policy").get("Statement")):
        principal = statement.get("Principal")
        named = many(principal.get("AWS")) if isinstance(principal, Mapping) else []
        yield from (f"names {arn.rpartition('/')[2]} as principal" for arn in named if ":role/aws-service-role/" in arn)


@BOOK.rule(
    "imdsv2",
    *STARTERS,
    title="Instance credentials need a session token",
    remedy="set httpTokens to required and the hop limit to 1",
)
def imdsv2(starter: Resource, view: View) -> Iterator[str]:
    """Tokens required, and out of reach of pods."""
    settings = start(starter).get("metadataOptions", {})
    if get(settings, "httpTokens") != "required":
        yield "httpTokens is not required"
    if get(settings, "httpPutResponseHopLimit", 2) != 1:
        yield "pods reach the credentials of the node: the hop limit is not 1"


@BOOK.rule(
    "cluster-access-scope",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    title="Whoever works in a cluster does so in named namespaces",
    remedy="name the namespaces of the team, or make the role a viewer or an administrator",
)
def cluster_access_scope(association: Resource, view: View) -> Iterator[str]:
    """Policies that change things or read every secret reach the whole cluster only by administering it."""
    name = get(association, "policyArn", "").rpartition("/")[2]
    scope = get(association, "accessScope", {})
    if scope.get("type") == "cluster" and name in BROAD:
        yield f"{name} reaches every namespace"
    if "*" in scope.get("namespaces", ()):
        yield f"{name} is limited to namespaces called anything"


@BOOK.rule(
    "cluster-access-mode",
    "aws:eks/cluster:Cluster",
    title="Cluster access is granted by access entries",
    remedy="set authenticationMode to API",
    severity="medium",
)
def cluster_access_mode(cluster: Resource, view: View) -> Iterator[str]:
    """No aws-auth config map that anybody in kube-system may edit."""
    if get(cluster, "accessConfig.authenticationMode") != "API":
        yield "authenticationMode is not API"


@BOOK.rule(
    "database-managed-password",
    "aws:rds/instance:Instance",
    title="The cloud keeps database passwords",
    remedy="set manageMasterUserPassword",
)
def database_managed_password(database: Resource, view: View) -> Iterator[str]:
    """No password in a stack's state."""
    if get(database, "manageMasterUserPassword") is not True or "password" in database.inputs:
        yield "its master password is in the state of the stack"
