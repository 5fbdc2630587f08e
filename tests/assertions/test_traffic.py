"""Assertions on how requests reach models and how versions take over, over every rendered stack."""

from typing import Any

import pytest

from graph.model import Graph, Resource
from tests.assertions.graphs import STACKS, graph

ROLLOUT = "kubernetes:argoproj.io/v1alpha1:Rollout"
TEMPLATE = "kubernetes:argoproj.io/v1alpha1:AnalysisTemplate"
ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"
SERVICE = "kubernetes:core/v1:Service"
ROLLING = [name for name in STACKS if name in ("prod", "rollouts")]
"""Stacks with rollouts and a gateway; the test below holds the list to what there is."""
DNS_PORTS = {53, 5353}
"""Where DNS is asked: pods of OpenShift's resolver listen on 5353."""
DNS_NAMESPACES = {"kube-system", "openshift-dns"}
DNS_ADDRESSES = {"10.100.0.10/32", "172.20.0.10/32", "169.254.20.10/32", "169.254.25.10/32"}
"""The Service of DNS in the two ranges of EKS, and NodeLocal DNSCache as Kubernetes and kubespray address it."""


def of(made: Graph, token: str, namespace: str = "") -> list[Resource]:
    return [r for r in made.of_type(token) if not namespace or r.inputs["metadata"]["namespace"] == namespace]


def named(rows: list[Resource]) -> dict[str, Resource]:
    return {row.inputs["metadata"]["name"]: row for row in rows}


def test_the_list_of_stacks_is_whole() -> None:
    assert {name for name in STACKS if of(graph(name), ROLLOUT) or of(graph(name), ROUTE)} == {*ROLLING, "team-vision"}, (
        "a team's gateway is its platform's"
    )


def is_resolver(peer: dict[str, Any]) -> bool:
    """Whether a peer of a policy is a resolver of the cluster, and nothing but resolvers."""
    if set(peer) == {"ipBlock"}:
        return set(peer["ipBlock"]) == {"cidr"} and peer["ipBlock"]["cidr"] in DNS_ADDRESSES
    if set(peer) != {"namespaceSelector"} or set(peer["namespaceSelector"]) != {"matchExpressions"}:
        return False
    (names,) = peer["namespaceSelector"]["matchExpressions"]
    return names["key"] == "kubernetes.io/metadata.name" and names["operator"] == "In" and set(names["values"]) <= DNS_NAMESPACES


def backends(route: Resource) -> list[dict[str, Any]]:
    return [backend for rule in route.inputs["spec"]["rules"] for backend in rule["backendRefs"]]


@pytest.mark.parametrize("stack", ROLLING)
def test_weights_are_stated_sum_to_a_hundred_and_name_services_with_the_port(stack: str) -> None:
    made = graph(stack)
    for route in of(made, ROUTE):
        services = named(of(made, SERVICE, route.inputs["metadata"]["namespace"]))
        assert sum(backend["weight"] for backend in backends(route)) == 100
        for backend in backends(route):
            assert backend["port"] in {port["port"] for port in services[backend["name"]].inputs["spec"]["ports"]}


@pytest.mark.parametrize("stack", ROLLING)
def test_versions_are_told_apart_by_two_services_whose_selectors_belong_to_the_controller(stack: str) -> None:
    made = graph(stack)
    for rollout in of(made, ROLLOUT):
        how = rollout.inputs["spec"]["strategy"]
        canary, green = how.get("canary", {}), how.get("blueGreen", {})
        pair = {canary.get("stableService"), canary.get("canaryService"), green.get("activeService"), green.get("previewService")} - {None}
        services = named(of(made, SERVICE, rollout.inputs["metadata"]["namespace"]))
        assert len(pair) == 2
        assert all("spec.selector" in services[name].options.ignore_changes for name in pair)


@pytest.mark.parametrize("stack", ROLLING)
def test_what_the_controller_wants_to_find_is_there_before_a_rollout_and_waits_for_no_pod(stack: str) -> None:
    """It starts no pod of a Rollout that names a missing Service or whose route is missing, and `up` waits for the pods."""
    made = graph(stack)
    for rollout in of(made, ROLLOUT):
        namespace = rollout.inputs["metadata"]["namespace"]
        services = of(made, SERVICE, namespace)
        assert {service.urn for service in services} <= set(rollout.dependencies)
        assert {service.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] for service in services} == {"true"}
        for route in of(made, ROUTE, namespace):
            weighed = "canary" in rollout.inputs["spec"]["strategy"]
            first, then = (route, rollout) if weighed else (rollout, route)
            assert first.urn in then.dependencies


@pytest.mark.parametrize("stack", ROLLING)
def test_an_endpoint_never_waits_for_its_shadow(stack: str) -> None:
    made = graph(stack)
    shadows = {r.urn for r in made if r.type == "kubernetes:apps/v1:Deployment" and "ShadowEndpoint" in r.urn}
    assert shadows
    assert not [row.name for row in made if shadows & set(row.dependencies)]


@pytest.mark.parametrize("stack", ROLLING)
def test_one_mechanism_moves_weights_and_it_is_installed(stack: str) -> None:
    made = graph(stack)
    (release,) = [r for r in made.of_type("kubernetes:helm.sh/v3:Release") if r.inputs["name"] == "argo-rollouts"]
    plugins = {row["name"] for row in release.inputs["values"]["controller"]["trafficRouterPlugins"]}
    for rollout in of(made, ROLLOUT):
        routing = rollout.inputs["spec"]["strategy"].get("canary", {}).get("trafficRouting")
        if routing:
            (plugin,) = routing["plugins"]
            assert plugin in plugins
            told = routing["plugins"][plugin]
            (route,) = of(made, ROUTE, told["namespace"])
            assert route.inputs["metadata"]["name"] == told["httpRoute"]
            assert "spec.rules[*].backendRefs[*].weight" in route.options.ignore_changes
    assert release.inputs["values"]["providerRBAC"]["providers"]["gatewayAPI"] is True


@pytest.mark.parametrize("stack", ROLLING)
def test_a_bad_version_is_rolled_back_by_its_own_errors_and_latency(stack: str) -> None:
    made = graph(stack)
    for rollout in of(made, ROLLOUT):
        spec = rollout.inputs["spec"]
        templates = named(of(made, TEMPLATE, rollout.inputs["metadata"]["namespace"]))
        judged = spec["strategy"].get("canary", {}).get("analysis") or spec["strategy"]["blueGreen"]["postPromotionAnalysis"]
        metrics = [m for t in judged["templates"] for m in templates[t["templateName"]].inputs["spec"]["metrics"]]
        queries = [metric["provider"]["prometheus"]["query"] for metric in metrics]
        assert any("5xx" in query for query in queries)
        assert any("_bucket" in query for query in queries)
        own = [query for query in queries if "groundwork_probe" not in query]
        assert all('rollouts_pod_template_hash="{{args.version}}"' in query for query in own)
        assert all(metric["failureLimit"] >= 0 and metric["successCondition"].startswith("len(result) > 0 &&") for metric in metrics)
        assert spec["progressDeadlineAbort"] is True
        assert "spec.replicas" in rollout.options.ignore_changes
        (scaler,) = of(made, "kubernetes:keda.sh/v1alpha1:ScaledObject", rollout.inputs["metadata"]["namespace"])
        assert scaler.inputs["spec"]["scaleTargetRef"]["kind"] == "Rollout"
        (monitor,) = [
            m
            for m in of(made, "kubernetes:monitoring.coreos.com/v1:PodMonitor", rollout.inputs["metadata"]["namespace"])
            if m.inputs["metadata"]["name"] == rollout.inputs["metadata"]["name"]
        ]
        assert monitor.inputs["spec"]["podTargetLabels"] == ["rollouts-pod-template-hash"]


@pytest.mark.parametrize("stack", ROLLING)
def test_nothing_takes_over_while_the_endpoint_does_not_answer_its_probe(stack: str) -> None:
    made = graph(stack)
    probed = {r.name.removesuffix("-probe-pods") for r in made.of_type("kubernetes:apps/v1:Deployment") if r.name.endswith("-probe-pods")}
    for rollout in of(made, ROLLOUT):
        name = rollout.inputs["metadata"]["name"]
        templates = named(of(made, TEMPLATE, rollout.inputs["metadata"]["namespace"]))
        template = templates.get(f"{name}-canary") or templates[f"{name}-promoted"]
        queries = [metric["provider"]["prometheus"]["query"] for metric in template.inputs["spec"]["metrics"]]
        assert (name in probed) == any("groundwork_probe_success" in query for query in queries)
    assert stack != "prod" or probed == {"chat"}


@pytest.mark.parametrize("stack", ROLLING)
def test_a_shadow_is_bounded_apart_and_can_reach_nothing_but_its_model(stack: str) -> None:
    made = graph(stack)
    mirrors = [
        filter_["requestMirror"] for r in of(made, ROUTE) for rule in r.inputs["spec"]["rules"] for filter_ in rule.get("filters", ())
    ]
    assert mirrors
    for mirror in mirrors:
        assert 0 < mirror["percent"] <= 50
        place = mirror["backendRef"]["namespace"]
        assert place not in {r.inputs["metadata"]["namespace"] for r in of(made, ROUTE)}
        (grant,) = of(made, "kubernetes:gateway.networking.k8s.io/v1:ReferenceGrant", place)
        assert grant.inputs["spec"]["to"][0]["name"] == mirror["backendRef"]["name"]
        assert not of(made, "kubernetes:keda.sh/v1alpha1:ScaledObject", place)
        assert not of(made, "kubernetes:monitoring.coreos.com/v1:PrometheusRule", place)
        policies = named(of(made, "kubernetes:networking.k8s.io/v1:NetworkPolicy", place))
        ways = [way for policy in policies.values() for way in policy.inputs["spec"].get("egress", ())]
        assert any(is_resolver(peer) for way in ways for peer in way["to"])
        for way in ways:
            assert way["to"], "an empty list of peers is every peer"
            ports = {port["port"] for port in way["ports"]}
            assert ports
            assert ports <= (DNS_PORTS if all(is_resolver(peer) for peer in way["to"]) else {80, 443}), way
        assert "default-deny" in policies


@pytest.mark.parametrize("stack", ROLLING)
def test_the_gateway_is_inside_and_strips_what_it_says_of_clients(stack: str) -> None:
    made = graph(stack)
    (gateway,) = of(made, "kubernetes:gateway.networking.k8s.io/v1:Gateway")
    assert [row["protocol"] for row in gateway.inputs["spec"]["listeners"]] == ["HTTPS"]
    (clients,) = of(made, "kubernetes:gateway.envoyproxy.io/v1alpha1:ClientTrafficPolicy")
    (limits, *_) = of(made, "kubernetes:gateway.envoyproxy.io/v1alpha1:BackendTrafficPolicy")
    (header,) = limits.inputs["spec"]["rateLimit"]["local"]["rules"][0]["clientSelectors"][0]["headers"]
    assert header["name"] in clients.inputs["spec"]["headers"]["earlyRequestHeaders"]["remove"]
    (proxy,) = of(made, "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy")
    annotations = proxy.inputs["spec"]["provider"]["kubernetes"]["envoyService"]["annotations"]
    assert stack != "prod" or annotations["service.beta.kubernetes.io/aws-load-balancer-internal"] == "true"
