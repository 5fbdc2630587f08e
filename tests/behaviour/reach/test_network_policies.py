"""The evaluator of network policies, held to the examples and sentences of the Kubernetes documentation."""

from typing import Any

import pytest

from tests.behaviour.reach.network_policies import Connection, End, Host, Pod, allowed

pytestmark = pytest.mark.behaviour
NAMESPACES = {"default": {}, "other": {"project": "myproject"}, "third": {}}
DB = Pod(namespace="default", labels={"role": "db"}, ports={"sql": 6379}, address="10.1.0.1")
FRONT = Pod(namespace="default", labels={"role": "frontend"}, address="10.1.0.2")
PROJECT = Pod(namespace="other", labels={"role": "any"}, address="10.2.0.1")
STRANGER = Pod(namespace="third", labels={"role": "frontend"}, address="10.3.0.1")
OUTSIDE = Host("172.17.2.9")


def policy(spec: dict[str, Any], namespace: str = "default") -> dict[str, Any]:
    return {"metadata": {"namespace": namespace}, "spec": spec}


EXAMPLE = policy(
    {
        "podSelector": {"matchLabels": {"role": "db"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {"ipBlock": {"cidr": "172.17.0.0/16", "except": ["172.17.1.0/24"]}},
                    {"namespaceSelector": {"matchLabels": {"project": "myproject"}}},
                    {"podSelector": {"matchLabels": {"role": "frontend"}}},
                ],
                "ports": [{"protocol": "TCP", "port": 6379}],
            }
        ],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 5978}]}],
    }
)
"""The documentation's own example."""
DENY = policy({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
ALLOW = policy({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]})
BOTH = policy(
    {
        "podSelector": {},
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"project": "myproject"}},
                        "podSelector": {"matchLabels": {"role": "client"}},
                    }
                ]
            }
        ],
    }
)
RANGE = policy(
    {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 32000, "endPort": 32768}]}],
    }
)
NAMED = policy({"podSelector": {}, "ingress": [{"ports": [{"port": "sql"}]}]})


@pytest.mark.parametrize(
    ("why", "policies", "source", "target", "port", "expected"),
    [
        ("without a policy a pod is not isolated", [], STRANGER, DB, 6379, True),
        ("the example lets the IP block in", [EXAMPLE], OUTSIDE, DB, 6379, True),
        ("but not what the block excepts", [EXAMPLE], Host("172.17.1.9"), DB, 6379, False),
        ("it lets pods of the project's namespaces in", [EXAMPLE], PROJECT, DB, 6379, True),
        ("and pods with the role in its own namespace", [EXAMPLE], FRONT, DB, 6379, True),
        ("a pod selector alone means its own namespace", [EXAMPLE], STRANGER, DB, 6379, False),
        ("another port is closed", [EXAMPLE], FRONT, DB, 6380, False),
        ("it lets the pods out to the block and port", [EXAMPLE], DB, Host("10.0.0.7"), 5978, True),
        ("and nowhere else", [EXAMPLE], DB, Host("10.0.1.7"), 5978, False),
        ("pods that it does not select are not isolated", [EXAMPLE], STRANGER, FRONT, 80, True),
        ("default deny closes a namespace", [DENY], PROJECT, DB, 6379, False),
        ("in both directions", [DENY], DB, OUTSIDE, 80, False),
        ("policies add up: allow all beside deny all allows", [DENY, ALLOW], PROJECT, DB, 6379, True),
        ("both selectors in one peer must match", [BOTH], PROJECT, DB, 80, False),
        ("without policyTypes and egress rules, egress stays open", [BOTH], DB, OUTSIDE, 80, True),
        ("a range of ports includes its ends", [RANGE], DB, Host("10.0.0.1"), 32768, True),
        ("and ends there", [RANGE], DB, Host("10.0.0.1"), 32769, False),
        ("a port may be named", [NAMED], FRONT, DB, 6379, True),
        ("and means that port only", [NAMED], FRONT, DB, 80, False),
        ("a pod's own node always reaches it", [DENY], Host("10.9.0.1", node=True), DB, 6379, True),
        ("another node does not", [DENY], Host("10.9.0.2"), DB, 6379, False),
    ],
)
def test_the_documentation(why: str, policies: list[dict[str, Any]], source: End, target: End, port: int, expected: bool) -> None:
    assert allowed(Connection(source, target, port), policies, NAMESPACES) is expected, why


def test_both_ends_must_agree() -> None:
    """The egress policy on the source and the ingress policy on the destination both need to allow the connection."""
    closed = policy({"podSelector": {}, "policyTypes": ["Egress"]}, namespace="other")
    assert allowed(Connection(PROJECT, DB, 6379), [EXAMPLE], NAMESPACES)
    assert not allowed(Connection(PROJECT, DB, 6379), [EXAMPLE, closed], NAMESPACES)


def test_protocols_differ() -> None:
    udp = policy({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"protocol": "UDP", "port": 53}]}]})
    assert allowed(Connection(DB, OUTSIDE, 53, "UDP"), [udp], NAMESPACES)
    assert not allowed(Connection(DB, OUTSIDE, 53), [udp], NAMESPACES)
