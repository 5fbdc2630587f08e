"""Serving rules: how requests reach models, and how new versions of them take over."""

from collections.abc import Iterator, Mapping
from typing import Any

from graph.model import Resource
from policies.model import Book, View, document, get, many
from policies.rules.workloads import ROLLOUT

BOOK = Book("serving")
ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
SECURITY = "kubernetes:gateway.envoyproxy.io/v1alpha1:SecurityPolicy"
TEMPLATE = "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate"
PROOFS = ("jwt", "apiKeyAuth", "oidc", "basicAuth", "extAuth")
"""Fields of a SecurityPolicy by which clients prove who they are."""
ENDLESS = -1
READS = ("s3:Get", "s3:List", "kms:Decrypt")
"""How actions begin that change nothing."""

PROBE = "groundwork_probe_success"
"""What a client is answered by the endpoint as a whole, whichever version; a gate on it comes on top of those on the new version."""


def place(resource: Resource) -> str:
    """The namespace of a Kubernetes object."""
    return str(get(resource, "metadata.namespace", "default"))


def analyses(rollout: Resource) -> Iterator[Mapping[str, Any]]:
    """Every analysis that a rollout runs on requests that clients wait for."""
    canary, green = get(rollout, "spec.strategy.canary", {}), get(rollout, "spec.strategy.blueGreen", {})
    yield from (found for found in (canary.get("analysis"), green.get("postPromotionAnalysis")) if found)
    yield from (step["analysis"] for step in canary.get("steps", ()) if "analysis" in step)


def metrics(rollout: Resource, view: View) -> list[Mapping[str, Any]]:
    """What those analyses measure."""
    named = {item["templateName"] for analysis in analyses(rollout) for item in analysis.get("templates", ())}
    templates = [t for t in view.of(TEMPLATE) if place(t) == place(rollout) and get(t, "metadata.name") in named]
    return [metric for template in templates for metric in get(template, "spec.metrics", [])]


def careless(metric: Mapping[str, Any]) -> Iterator[str]:
    """Why a metric would let a bad version through."""
    query = str(get(metric, "provider.prometheus.query", ""))
    if "rollouts_pod_template_hash" not in query and PROBE not in query:
        yield "looks at both versions together"
    if metric.get("failureLimit", 0) == ENDLESS:
        yield "may fail without end"
    if "len(result) > 0" not in str(metric.get("successCondition", "")):
        yield "takes no data for an answer"


@BOOK.rule(
    "rollout-gates",
    ROLLOUT,
    title="New versions are rolled back by errors and by latency",
    remedy="measure both on the new version's own pods, with a finite failureLimit and a condition that asks for data",
)
def rollout_gates(rollout: Resource, view: View) -> Iterator[str]:
    """Two gates at least, each on the series of the new version, and an abort when it never gets ready."""
    found = metrics(rollout, view)
    queries = [str(get(metric, "provider.prometheus.query", "")) for metric in found]
    if not any("5xx" in query for query in queries):
        yield "no gate looks at errors"
    if not any("_bucket" in query for query in queries):
        yield "no gate looks at latency"
    for metric in found:
        yield from (f"gate {metric.get('name')} {text}" for text in careless(metric))
    if get(rollout, "spec.progressDeadlineAbort") is not True:
        yield "a version that never gets ready is not given up"


@BOOK.rule(
    "route-authenticated",
    ROUTE,
    title="Routes know who calls",
    remedy="target the route with a SecurityPolicy that has jwt or apiKeyAuth",
    severity="critical",
)
def route_authenticated(route: Resource, view: View) -> Iterator[str]:
    """A SecurityPolicy of the route's namespace that targets it and asks for a proof that is not optional."""
    for policy in view.of(SECURITY):
        targets = [t for t in get(policy, "spec.targetRefs", []) if t.get("kind") == "HTTPRoute"]
        proved = any(get(policy, f"spec.{proof}") for proof in PROOFS) and not get(policy, "spec.jwt.optional", False)
        if proved and place(policy) == place(route) and get(route, "metadata.name") in {t.get("name") for t in targets}:
            return
    yield "anybody who reaches the gateway may call it"


@BOOK.rule(
    "route-weights",
    ROUTE,
    title="Routes say how they share requests out",
    remedy="give every backend a weight, 100 in all",
    severity="medium",
)
def route_weights(route: Resource, view: View) -> Iterator[str]:
    """A weight that is left out is 1, which makes a canary half of everything."""
    for rule in get(route, "spec.rules", []):
        weights = [backend.get("weight") for backend in rule.get("backendRefs", ())]
        if None in weights or sum(weights) != 100:
            yield f"its weights are {', '.join(map(str, weights)) or 'none'}, not 100 in all"


@BOOK.rule(
    "gateway-internal",
    GATEWAY,
    title="Production gateways are not on the internet",
    remedy="set gateway.exposure to internal, or have somebody answer for it by a waiver",
    severity="critical",
    tier="production",
)
def gateway_internal(gateway: Resource, view: View) -> Iterator[str]:
    """As the stack file says it; models behind a public name cost money with every request."""
    if get(gateway, "metadata.labels", {}).get("groundwork.dev/exposure") != "internal":
        yield "the whole internet reaches it"


def shadow(deployment: Resource) -> bool:
    """Whether a Deployment is the shadow of an endpoint."""
    return bool(get(deployment, "metadata.labels", {}).get("app.kubernetes.io/name") == "shadow-endpoint")


@BOOK.rule(
    "shadow-writes-nothing",
    "kubernetes:apps/v1:Deployment",
    title="Shadows can write nowhere",
    remedy="grant its role reading alone, and give it no secret",
    only=shadow,
)
def shadow_writes_nothing(deployment: Resource, view: View) -> Iterator[str]:
    """By the policies of its role; on premises by what its store's credentials allow, which the store's administrator knows."""
    account = get(deployment, "spec.template.spec.serviceAccountName")
    for identity in view.of("aws:eks/podIdentityAssociation:PodIdentityAssociation"):
        if (get(identity, "namespace"), get(identity, "serviceAccount")) != (place(deployment), account):
            continue
        for role in view.linked(identity, "roleArn", "aws:iam/role:Role"):
            for policy in view.attached(role, "aws:iam/rolePolicy:RolePolicy", "role", "name"):
                actions = {a for s in document(policy, "policy").get("Statement", ()) for a in many(s.get("Action"))}
                if writes := sorted(action for action in actions if not action.startswith(READS)):
                    yield f"its role may {', '.join(writes)}"
    for container in get(deployment, "spec.template.spec.containers", []):
        if held := [
            entry["name"]
            for entry in container.get("env") or ()
            if "secretKeyRef" in (entry.get("valueFrom") or {}) and not entry["name"].startswith("AWS_")
        ]:
            yield f"container {container['name']} holds {', '.join(held)}"
