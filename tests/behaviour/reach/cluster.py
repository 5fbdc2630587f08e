"""Places in the cluster of a rendered stack: the pods it makes, and what they and others reach."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network
from typing import Any

from components.kubernetes.addons.operators import monitoring_of
from graph.model import Graph, Resource
from tests.behaviour.reach.network_policies import Connection, Host, Labels, Pod, selects

POLICY, NAMESPACE = "kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:core/v1:Namespace"
MONITORS = ("kubernetes:monitoring.coreos.com/v1:PodMonitor",)
PROXIES = "envoy-gateway-system"
APP, PART = "app.kubernetes.io/name", "app.kubernetes.io/component"
TEMPLATES = {
    "kubernetes:apps/v1:Deployment": ("template",),
    "kubernetes:argoproj.io/v1alpha1:Rollout": ("template",),
    "kubernetes:batch/v1:Job": ("template",),
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": (
        "leaderWorkerTemplate.leaderTemplate",
        "leaderWorkerTemplate.workerTemplate",
    ),
}
SERVING = ("inference-endpoint", "shadow-endpoint")
Spot = tuple[Pod | Host, int, str]
"""Where a connection arrives: end, port, protocol."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """What is around the cluster, from the stack file."""

    cloud: str
    store: tuple[str, int]
    database: tuple[str, int]
    monitoring: str
    callers: Mapping[str, Sequence[str]]
    """Namespaces that call an endpoint, by its name."""
    trackers: Sequence[str]
    """Namespaces that call the tracking server."""


def site_of(platform: Any, endpoints: Mapping[str, Any]) -> Site:
    """The surroundings of a platform, whose endpoints these are."""
    front = [PROXIES] if getattr(platform, "gateway", None) and "envoy-gateway" in platform.operators.install else []
    onprem = platform.site.cloud == "onprem"
    cidr = None if onprem else ip_network(platform.network.cidr)
    return Site(
        cloud=platform.site.cloud,
        store=(_first(platform.object_store.addresses), platform.object_store.port) if onprem else ("52.92.16.1", 443),
        database=(_first(platform.database.addresses), platform.database.port) if onprem else (str(cidr[57400 % cidr.num_addresses]), 5432),
        monitoring=monitoring_of(platform.operators).namespace,
        callers={name: [*args.clients, *front] for name, args in endpoints.items()},
        trackers=list(platform.tracking.clients) if platform.tracking else [],
    )


def _first(addresses: Sequence[str]) -> str:
    return str(ip_network(addresses[0])[0])


class Cluster:
    """The pods and policies of a rendered stack."""

    def __init__(self, drawn: Graph, site: Site) -> None:
        self.drawn = drawn
        self.site = site
        self.policies: Sequence[Mapping[str, Any]] = [dict(policy.inputs) for policy in drawn.of_type(POLICY)]

    @cached_property
    def namespaces(self) -> Mapping[str, Labels]:
        """Labels of each namespace that the stack makes."""
        return {r.inputs["metadata"]["name"]: r.inputs["metadata"].get("labels", {}) for r in self.drawn.of_type(NAMESPACE)}

    @cached_property
    def pods(self) -> Sequence[Pod]:
        """One pod of each kind that the stack makes."""
        return [pod for resource in self.drawn.of_type(*TEMPLATES) for pod in _pods(resource)]

    @property
    def closed(self) -> Sequence[str]:
        """Namespaces in which a policy selects every pod."""
        return sorted({p["metadata"]["namespace"] for p in self.policies if not p["spec"]["podSelector"]})

    def of(self, *apps: str) -> list[Pod]:
        """Pods of applications."""
        return [pod for pod in self.pods if pod.labels.get(APP) in apps]

    def ends(self, name: str) -> list[Pod | Host]:
        """Who opens connections, by the name of the place in rows.yaml."""
        return [*SOURCES[name](self)]

    def spots(self, name: str, source: Pod | Host) -> list[Spot]:
        """Where a source's connections arrive, by the name of the place in rows.yaml."""
        return [*TARGETS[name](self, source)]

    def connections(self, row: Mapping[str, Any]) -> list[Connection]:
        """Every connection that a row means in this stack."""
        if row.get("site", self.site.cloud) != self.site.cloud:
            return []
        found = [(end, spot) for end in self.ends(row["from"]) for spot in self.spots(row["to"], end) if spot[0] is not end]
        return [Connection(end, target, port, protocol) for end, (target, port, protocol) in found]


def _pods(resource: Resource) -> Iterator[Pod]:
    for path in TEMPLATES[resource.type]:
        template: Any = resource.inputs["spec"]
        for key in path.split("."):
            template = template.get(key) or {}
        if template:
            containers = template["spec"].get("containers", ())
            ports = {p["name"]: p["containerPort"] for c in containers for p in c.get("ports") or () if "name" in p}
            labels = template["metadata"]["labels"]
            yield Pod(namespace=resource.inputs["metadata"]["namespace"], labels=labels, ports=ports)


def _elsewhere(namespace: str, **labels: str) -> Pod:
    return Pod(namespace=namespace, labels=labels, address="10.98.0.9")


def _dns(target: Pod | Host, port: int = 53) -> Callable[[Cluster, Pod | Host], Iterator[Spot]]:
    return lambda cluster, source: iter([(target, port, "UDP"), (target, port, "TCP")])


def _callers(cluster: Cluster) -> Iterator[Pod]:
    for names in cluster.site.callers.values():
        yield from (_elsewhere(name) for name in names)


def _called(cluster: Cluster, source: Pod | Host) -> Iterator[Spot]:
    for pod in cluster.of("inference-endpoint"):
        names = cluster.site.callers.get(pod.labels[PART], ())
        if isinstance(source, Pod) and source.namespace in names:
            ways = ("http",) if source.namespace == PROXIES else ("http", "grpc")
            yield from ((pod, pod.ports[way], "TCP") for way in ways if way in pod.ports)


def _scraped(cluster: Cluster, source: Pod | Host) -> Iterator[Spot]:
    for monitor in cluster.drawn.of_type(*MONITORS):
        spec, home = monitor.inputs["spec"], monitor.inputs["metadata"]["namespace"]
        for pod in cluster.pods:
            if pod.namespace == home and selects(spec["selector"], pod.labels):
                named = (end["port"] for end in spec["podMetricsEndpoints"])
                yield from ((pod, pod.ports[port], "TCP") for port in named if port in pod.ports)


def _listening(cluster: Cluster, source: Pod | Host) -> Iterator[Spot]:
    for pod in cluster.pods:
        yield from ((pod, port, "TCP") for port in pod.ports.values())


def _strangers(cluster: Cluster, source: Pod | Host) -> Iterator[Spot]:
    for pod, port, protocol in _listening(cluster, source):
        if isinstance(source, Pod) and isinstance(pod, Pod) and pod.namespace != source.namespace:
            yield pod, port, protocol


def _probed(cluster: Cluster, source: Pod | Host) -> Iterator[Spot]:
    for pod in cluster.of("inference-endpoint"):
        if isinstance(source, Pod) and pod.namespace == source.namespace and source.labels[PART] == f"{pod.labels[PART]}-probe":
            yield pod, pod.ports["http"], "TCP"


def _group(cluster: Cluster) -> Iterator[Pod]:
    for resource in cluster.drawn.of_type("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"):
        yield from _pods(resource)


def _undeclared(cluster: Cluster) -> Iterator[Pod]:
    yield from (Pod(namespace=name, labels={"run": "debug"}) for name in cluster.closed)


SOURCES: Mapping[str, Callable[[Cluster], Iterator[Pod | Host] | Sequence[Pod | Host]]] = {
    "speaking": lambda c: c.of("tracking-server", "endpoint-probe", *SERVING),
    "reading": lambda c: c.of("tracking-server", *SERVING),
    "serving": lambda c: c.of(*SERVING),
    "tracking": lambda c: c.of("tracking-server"),
    "probe": lambda c: c.of("endpoint-probe"),
    "held": lambda c: c.of("held-room"),
    "every": lambda c: c.pods,
    "tracking-clients": lambda c: [_elsewhere(name) for name in c.site.trackers],
    "callers": _callers,
    "callers-of-any": lambda c: [*_callers(c), _elsewhere(c.site.monitoring), _elsewhere("default")],
    "monitoring": lambda c: [_elsewhere(c.site.monitoring)],
    "node": lambda c: [Host("10.97.0.1", node=True)],
    "outsider": lambda c: [_elsewhere("default"), Host("10.97.0.2")],
    "group": _group,
    "undeclared": _undeclared,
}
"""Who opens connections."""
TARGETS: Mapping[str, Callable[[Cluster, Pod | Host], Iterator[Spot]]] = {
    "coredns": _dns(Pod(namespace="kube-system", labels={"k8s-app": "kube-dns"})),
    "nodelocal": _dns(Host("169.254.20.10")),
    "nodelocal-kubespray": _dns(Host("169.254.25.10")),
    "openshift-dns": _dns(Pod(namespace="openshift-dns", labels={"dns.operator.openshift.io/daemonset-dns": "default"}), 5353),
    "service-dns": lambda c, s: iter([(Host(ip), 53, way) for ip in ("172.20.0.10", "10.100.0.10") for way in ("UDP", "TCP")]),
    "pod-identity": lambda c, s: iter([(Host("169.254.170.23"), 80, "TCP")]),
    "metadata": lambda c, s: iter([(Host("169.254.169.254"), 80, "TCP")]),
    "kubelet": lambda c, s: iter([(Host("10.97.0.1"), 10250, "TCP")]),
    "object-store": lambda c, s: iter([(Host(c.site.store[0]), c.site.store[1], "TCP")]),
    "database": lambda c, s: iter([(Host(c.site.database[0]), c.site.database[1], "TCP")]),
    "tracking-http": lambda c, s: iter([(p, p.ports["http"], "TCP") for p in c.of("tracking-server") if "http" in p.ports]),
    "called": _called,
    "probed": _probed,
    "scraped": _scraped,
    "listening": _listening,
    "strangers": _strangers,
    "group": lambda c, s: iter([(pod, 29500, "TCP") for pod in _group(c)]),
    "undeclared": lambda c, s: iter([(pod, 8000, "TCP") for pod in _undeclared(c)]),
}
"""Where connections arrive."""
