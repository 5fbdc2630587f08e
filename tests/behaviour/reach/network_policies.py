"""NetworkPolicy objects of Kubernetes (networking.k8s.io/v1), evaluated as their documentation says. Pure functions.

Source: kubernetes.io/docs/concepts/services-networking/network-policies, read 2026-11-30; each sentence of it that decides
something is a case in test_network_policies.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Labels = Mapping[str, str]
NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pod:
    """One end of a connection that policies can select."""

    namespace: str
    labels: Labels
    ports: Mapping[str, int] = field(default_factory=dict)
    """Named ports of its containers."""
    address: str = "10.99.0.1"


@dataclass(frozen=True, slots=True)
class Host:
    """One end of a connection that is no pod: a node, a pod in its node's network, or a machine elsewhere."""

    address: str
    node: bool = False
    """Whether it is the node that the other end runs on, from which a pod is always reached."""


End = Pod | Host


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that somebody opens."""

    source: End
    target: End
    port: int
    protocol: str = "TCP"


def allowed(connection: Connection, policies: Sequence[Mapping[str, Any]], namespaces: Mapping[str, Labels]) -> bool:
    """Whether policies let a connection be opened: out of its source, and into its target."""
    return _one_way("Egress", connection, policies, namespaces) and _one_way("Ingress", connection, policies, namespaces)


def _one_way(way: str, connection: Connection, policies: Sequence[Mapping[str, Any]], namespaces: Mapping[str, Labels]) -> bool:
    pod, peer = (connection.source, connection.target) if way == "Egress" else (connection.target, connection.source)
    if not isinstance(pod, Pod) or (isinstance(peer, Host) and peer.node):
        return True
    isolating = [policy for policy in policies if way in _types(policy) and _isolates(policy, pod)]
    rules = [rule for policy in isolating for rule in policy["spec"].get(way.lower()) or ()]
    key = "to" if way == "Egress" else "from"
    return not isolating or any(_rule(rule, key, pod, peer, connection, namespaces) for rule in rules)


def _types(policy: Mapping[str, Any]) -> Iterable[str]:
    """Ingress always, Egress where rules for it are stated, unless the types are named."""
    spec = policy["spec"]
    named: Iterable[str] = spec.get("policyTypes") or (["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    return named


def _isolates(policy: Mapping[str, Any], pod: Pod) -> bool:
    return bool(policy["metadata"]["namespace"] == pod.namespace and selects(policy["spec"]["podSelector"], pod.labels))


def _rule(rule: Mapping[str, Any], key: str, pod: Pod, peer: End, connection: Connection, namespaces: Mapping[str, Labels]) -> bool:
    peers = rule.get(key) or ()
    near = not peers or any(_peer(one, pod.namespace, peer, namespaces) for one in peers)
    ports = rule.get("ports") or ()
    return near and (not ports or any(_port(one, connection) for one in ports))


def _peer(peer: Mapping[str, Any], here: str, end: End, namespaces: Mapping[str, Labels]) -> bool:
    if "ipBlock" in peer:
        address, block = ip_address(end.address), peer["ipBlock"]
        inside = address in ip_network(block["cidr"])
        return inside and not any(address in ip_network(hole) for hole in block.get("except", ()))
    if not isinstance(end, Pod):
        return False
    labels = {NAME: end.namespace, **namespaces.get(end.namespace, {})}
    same = selects(peer["namespaceSelector"], labels) if "namespaceSelector" in peer else end.namespace == here
    return same and selects(peer.get("podSelector", {}), end.labels)


def _port(port: Mapping[str, Any], connection: Connection) -> bool:
    if port.get("protocol", "TCP") != connection.protocol:
        return False
    first = port.get("port")
    if isinstance(first, str):
        named = connection.target.ports if isinstance(connection.target, Pod) else {}
        return named.get(first) == connection.port
    return first is None or first <= connection.port <= port.get("endPort", first)


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector selects labels; an empty one selects everything."""
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_expression(one, labels) for one in selector.get("matchExpressions") or ())


def _expression(one: Mapping[str, Any], labels: Labels) -> bool:
    key, operator, values = one["key"], one["operator"], one.get("values", ())
    if operator in ("Exists", "DoesNotExist"):
        return (key in labels) == (operator == "Exists")
    return (labels.get(key) in values) == (operator == "In")
