"""The components as resources: what is registered, in which order it is made, and where secrets go."""

from typing import Any, get_args

import pytest

from components.kubernetes.addons.operators import Monitoring, OperatorName, OperatorsArgs, monitoring_of
from components.kubernetes.addons.table import table
from components.spec import Secret
from graph.model import Graph, Resource, SecretValue


def kinds(graph: Graph, component: str) -> dict[str, str]:
    """Type tokens under a component, by the role in the logical name."""
    parent = next(r for r in graph if r.name == component and not r.custom)
    return {r.name.removeprefix(f"{component}-"): r.type.removeprefix("kubernetes:") for r in graph.children[parent.urn]}


def after(graph: Graph, resource: Resource) -> set[str]:
    """Names of all that is made before the resource."""
    seen: set[str] = set()
    todo = list(resource.dependencies)
    while todo:
        urn = todo.pop()
        if urn in graph.by_urn and urn not in seen:
            seen.add(urn)
            todo += graph.by_urn[urn].dependencies
    return {graph.by_urn[urn].name for urn in seen}


def test_an_endpoint_is_whole(site: Any, endpoint_args: Any) -> None:
    site.endpoints = {"chat": endpoint_args()}
    assert kinds(site.record(), "chat") == {
        "namespace": "core/v1:Namespace",
        "deny": "networking.k8s.io/v1:NetworkPolicy",
        "quota": "core/v1:ResourceQuota",
        "endpoint-store": "external-secrets.io/v1:ExternalSecret",
        "account": "core/v1:ServiceAccount",
        "network": "networking.k8s.io/v1:NetworkPolicy",
        "pods": "apps/v1:Deployment",
        "monitor": "monitoring.coreos.com/v1:PodMonitor",
        "scaler": "keda.sh/v1alpha1:ScaledObject",
        "budget": "policy/v1:PodDisruptionBudget",
        "service": "core/v1:Service",
    }


def test_a_tracking_server_is_whole(site: Any, tracking_args: Any) -> None:
    site.tracking = tracking_args()
    assert set(kinds(site.record(), "tracking")) == {
        *("namespace", "deny", "quota", "server-store", "account", "database", "network", "pods", "budget", "service"),
        *("migration-network", "migration-job"),
    }


def test_two_endpoints_share_nothing(site: Any, endpoint_args: Any) -> None:
    site.endpoints = {"chat": endpoint_args(), "chat-next": endpoint_args()}
    graph = site.record()
    placed = [(r.type, r.inputs["metadata"].get("namespace"), r.inputs["metadata"]["name"]) for r in graph.custom if "metadata" in r.inputs]
    assert len(placed) == len(set(placed))
    assert len({r.urn for r in graph}) == len(graph)


def test_an_endpoint_called_as_the_tracking_server_takes_nothing_from_it(site: Any, endpoint_args: Any, tracking_args: Any) -> None:
    site.endpoints, site.tracking = {"tracking": endpoint_args()}, tracking_args()
    graph = site.record()
    placed = [(r.type, r.inputs["metadata"].get("namespace"), r.inputs["metadata"]["name"]) for r in graph.custom if "metadata" in r.inputs]
    assert len(placed) == len(set(placed))
    secrets = [r.inputs["metadata"]["name"] for r in graph if r.type.endswith(":ExternalSecret")]
    assert len(secrets) == len(set(secrets)) == 3


def test_pods_start_closed_in_and_end_before_what_serves_them(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args()}
    graph = site.record()
    assert after(graph, named(graph, "chat-pods")) >= {"chat-namespace", "chat-account", "chat-network", "chat-endpoint-store"}
    assert "operators-keda-release" in after(graph, named(graph, "chat-scaler"))
    assert "chat-pods" in after(graph, named(graph, "chat-service"))


def test_the_autoscaler_owns_the_number_of_replicas(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args(load_time="20m")}
    graph = site.record()
    options = named(graph, "chat-pods").options
    assert options.ignore_changes == ("spec.replicas",)
    assert options.timeouts == {"create": "2310s", "update": "9360s", "delete": "810s"}
    scalers = [r for r in graph if r.type.endswith((":ScaledObject", ":HorizontalPodAutoscaler"))]
    assert [r.inputs["spec"]["scaleTargetRef"]["name"] for r in scalers] == ["chat"]


def test_the_model_is_read_from_its_own_prefix(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args()}
    (server,) = named(site.record(), "chat-pods").inputs["spec"]["template"]["spec"]["containers"]
    assert server["args"][0] == "s3://ml-models/models/llama-3.1-8b/12/"
    variables = {entry["name"]: entry for entry in server["env"]}
    assert variables["AWS_ENDPOINT_URL"]["value"] == "https://s3.example.internal:9000"
    assert variables["AWS_SECRET_ACCESS_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "chat-endpoint-store", "key": "password"}


def test_secret_variables_are_secret_all_the_way(site: Any, endpoint_args: Any, named: Any) -> None:
    site.endpoints = {"chat": endpoint_args(secrets={"VLLM_API_KEY": Secret("canary-1", encrypted=False)})}
    graph = site.record()
    held = named(graph, "chat-secrets").inputs["stringData"]
    assert held == {"VLLM_API_KEY": SecretValue("canary-1")} or held == SecretValue({"VLLM_API_KEY": "canary-1"})
    assert "canary-1" not in repr(graph)
    (server,) = named(graph, "chat-pods").inputs["spec"]["template"]["spec"]["containers"]
    reference = {"name": "chat-secrets", "key": "VLLM_API_KEY"}
    assert {"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": reference}} in server["env"]


def test_the_password_is_on_no_command_line(site: Any, tracking_args: Any, named: Any) -> None:
    site.tracking = tracking_args()
    site.database["credentials"] = {
        "kind": "given",
        "username": Secret("canary-user", encrypted=False),
        "password": Secret("canary-2", encrypted=False),
    }
    graph = site.record()
    (server,) = named(graph, "tracking-pods").inputs["spec"]["template"]["spec"]["containers"]
    variables = {entry["name"]: entry for entry in server["env"]}
    assert variables["PGPASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "tracking-database", "key": "password"}
    assert variables["MLFLOW_BACKEND_STORE_URI"]["value"] == "postgresql+psycopg2://"
    assert variables["PGSSLMODE"]["value"] == "require"
    assert "--artifacts-destination=s3://ml-artifacts/mlflow" in server["command"]
    assert "canary" not in repr(graph)


def test_mlflow_answers_to_its_service_and_given_hosts(site: Any, tracking_args: Any, named: Any) -> None:
    site.tracking = tracking_args()
    (server,) = named(site.record(), "tracking-pods").inputs["spec"]["template"]["spec"]["containers"]
    (allowed,) = [word.removeprefix("--allowed-hosts=") for word in server["command"] if word.startswith("--allowed-hosts=")]
    hosts = allowed.split(",")
    assert {"tracking.groundwork-fra1-tracking.svc", "tracking.groundwork-fra1-tracking.svc:*", "mlflow.example.internal"} <= set(hosts)
    assert "*" not in hosts


def test_pods_reach_the_site_and_nothing_else(site: Any, endpoint_args: Any, tracking_args: Any, named: Any) -> None:
    site.endpoints, site.tracking = {"chat": endpoint_args()}, tracking_args(clients=[])
    graph = site.record()
    ways = {
        name: [(rule["to"][0]["ipBlock"]["cidr"], rule["ports"][0]["port"]) for rule in named(graph, name).inputs["spec"]["egress"][1:]]
        for name in ("chat-network", "tracking-network")
    }
    assert ways["chat-network"] == [("10.64.8.0/28", 9000)]
    assert ways["tracking-network"] == [("10.64.8.0/28", 9000), ("10.64.9.16/29", 5432)]
    inward = named(graph, "chat-network").inputs["spec"]["ingress"][0]["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"]
    assert inward == ["gateway", "monitoring"]
    assert named(graph, "tracking-network").inputs["spec"]["ingress"] == []
    assert named(graph, "tracking-deny").inputs["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_namespaces_admit_restricted_pods_alone(site: Any, endpoint_args: Any, tracking_args: Any, named: Any) -> None:
    site.endpoints, site.tracking = {"chat": endpoint_args()}, tracking_args()
    graph = site.record()
    for name in ("chat-namespace", "tracking-namespace"):
        assert named(graph, name).inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def releases(graph: Any) -> dict[str, Any]:
    return {r.inputs["name"]: r for r in graph if r.type == "kubernetes:helm.sh/v3:Release"}


def test_operators_are_pinned_and_each_has_a_namespace(site: Any) -> None:
    every = list(get_args(OperatorName))
    site.operators = {"install": every[::-1]}
    graph = site.record()
    made = {name: r.inputs for name, r in releases(graph).items()}
    rows = [table()[operator] for operator in every]
    assert {name: r["version"] for name, r in made.items()} == {chart.name: chart.version for chart in rows}
    namespaces = {r.inputs["metadata"]["name"] for r in graph.of_type("kubernetes:core/v1:Namespace")}
    assert {r["namespace"] for r in made.values()} == namespaces
    assert all("@" in chart.source and chart.version for chart in rows)


def test_an_operator_follows_those_whose_kinds_it_uses(site: Any) -> None:
    site.operators = {"install": list(get_args(OperatorName))}
    made = releases(site.record())
    assert made["gateway-helm"].urn in made["cert-manager"].dependencies
    assert made["cert-manager"].inputs["values"]["config"]["enableGatewayAPI"] is True
    assert made["kube-prometheus-stack"].urn in made["dcgm-exporter"].dependencies
    assert not {made["keda"].urn, made["cert-manager"].urn} & set(made["argo-rollouts"].dependencies)


def test_certificates_know_no_gateways_where_there_are_none(site: Any) -> None:
    site.operators = {**site.operators, "install": ["cert-manager"]}
    assert "config" not in releases(site.record())["cert-manager"].inputs["values"]


def test_gpus_are_watched_on_the_nodes_of_every_pool_past_its_taints(site: Any) -> None:
    site.operators = {**site.operators, "install": ["dcgm-exporter"]}
    values = releases(site.record())["dcgm-exporter"].inputs["values"]
    terms = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    pools = site.cluster["pools"]
    assert [{e["key"]: e["values"][0] for e in term["matchExpressions"]} for term in terms] == [pool["labels"] for pool in pools.values()]
    taints = {(taint["key"], taint.get("effect", "NoSchedule")) for pool in pools.values() for taint in pool["taints"]}
    assert {(t["key"], t["effect"]) for t in values["tolerations"]} == taints


def test_the_plugin_of_routes_is_copied_from_its_image(site: Any) -> None:
    image = f"registry.example.internal/ml/gateway-plugin@sha256:{'2' * 64}"
    site.operators = {**site.operators, "install": ["argo-rollouts"], "gateway_plugin": image}
    controller = releases(site.record())["argo-rollouts"].inputs["values"]["controller"]
    (copy,) = controller["initContainers"]
    assert copy["image"] == image
    assert controller["trafficRouterPlugins"][0]["location"] == f"file://{copy['command'][2]}{copy['command'][1].removeprefix('/bin/')}"
    assert controller["replicas"] == 2, "what its row says stays"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"install": ["kube-prometheus-stack"]}, Monitoring("http://prometheus-stack-prometheus.monitoring.svc:9090", "monitoring")),
        ({"install": [], "prometheus": {"address": "http://p:9090", "namespace": "metrics"}}, Monitoring("http://p:9090", "metrics")),
    ],
)
def test_prometheus_is_where_it_is_installed_or_given(given: dict[str, object], found: Monitoring) -> None:
    assert monitoring_of(OperatorsArgs.model_validate(given)) == found


def test_an_unknown_pool_is_refused(site: Any, endpoint_args: Any) -> None:
    site.endpoints = {"chat": endpoint_args(pool="h100")}
    with pytest.raises(Exception, match="h100"):
        site.record()
