"""Room that is held ready: the same as a replica takes, given up at once, and taken for the endpoint's own by nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from components.kubernetes.serving import pods
from graph.model import Graph, Resource
from policies.rules.workloads import serves

Named = Callable[[Graph, str], Resource]


def recorded(site: Any, args: Any) -> Graph:
    site.endpoints = {"chat": args}
    graph: Graph = site.record()
    return graph


@pytest.fixture
def graph(site: Any, endpoint_args: Any) -> Graph:
    return recorded(site, endpoint_args(scale={"min": 2, "max": 6, "warm": 3}))


def pod(workload: Resource) -> Any:
    return workload.inputs["spec"]["template"]["spec"]


def test_it_takes_what_a_replica_takes_where_a_replica_runs(graph: Graph, named: Named) -> None:
    warm, replica = named(graph, "chat-warm-pods"), named(graph, "chat-pods")
    (held,), (server,) = pod(warm)["containers"], pod(replica)["containers"]
    asked = {key: value for key, value in server["resources"]["requests"].items() if key != "ephemeral-storage"}
    assert asked.items() <= held["resources"]["requests"].items()
    assert held["image"] == server["image"], "so that the node has it"
    assert held["command"] == ["sleep", "infinity"]
    assert all(pod(warm)[key] == pod(replica)[key] for key in ("nodeSelector", "tolerations"))
    assert warm.inputs["spec"]["replicas"] == 3


def test_it_is_given_up_at_once(graph: Graph, named: Named) -> None:
    warm, priority = named(graph, "chat-warm-pods"), named(graph, "warm-class")
    assert pod(warm)["priorityClassName"] == priority.inputs["metadata"]["name"] == "groundwork-fra1-warm"
    assert -10 <= priority.inputs["value"] < 0, "below every other pod, and not so low that the cluster autoscaler does nothing for it"
    assert (priority.inputs["preemptionPolicy"], priority.inputs["globalDefault"]) == ("Never", False)
    assert pod(warm)["terminationGracePeriodSeconds"] == 0
    assert "priorityClassName" not in pod(named(graph, "chat-pods"))


def test_nothing_takes_its_pods_for_the_endpoints(graph: Graph, named: Named) -> None:
    labels = named(graph, "chat-warm-pods").inputs["spec"]["template"]["metadata"]["labels"]
    selectors = {
        "chat-service": lambda spec: spec["selector"],
        "chat-budget": lambda spec: spec["selector"]["matchLabels"],
        "chat-monitor": lambda spec: spec["selector"]["matchLabels"],
        "chat-network": lambda spec: spec["podSelector"]["matchLabels"],
    }
    for name, selector in selectors.items():
        assert not selector(named(graph, name).inputs["spec"]).items() <= labels.items(), name
    closed = named(graph, "chat-warm-network").inputs["spec"]
    assert closed["podSelector"]["matchLabels"].items() <= labels.items()
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert not closed.get("ingress")
    assert not closed.get("egress")


def test_up_waits_for_replicas_and_not_for_room(graph: Graph, named: Named) -> None:
    warm = named(graph, "chat-warm-pods")
    assert warm.inputs["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert named(graph, "chat-pods").urn in warm.dependencies


def test_rules_for_what_serves_leave_it_alone(graph: Graph, named: Named) -> None:
    assert not serves(named(graph, "chat-warm-pods"))
    assert serves(named(graph, "chat-pods"))


def test_the_namespace_has_room_for_it(endpoint_args: Any) -> None:
    without, held = (pods.quota(endpoint_args(scale={"min": 2, "max": 6, "warm": n}), "nvidia.com/gpu") for n in (0, 3))
    assert int(held["pods"]) - int(without["pods"]) == 3
    assert int(held["requests.nvidia.com/gpu"]) - int(without["requests.nvidia.com/gpu"]) == 6


def test_a_replica_of_several_nodes_has_a_pod_held_for_each(site: Any, endpoint_args: Any, named: Named) -> None:
    args = endpoint_args(gpus=4, nodes=2, scale={"min": 1, "max": 2, "warm": 1})
    warm = named(recorded(site, args), "chat-warm-pods")
    assert warm.inputs["spec"]["replicas"] == 2
    assert args.gpus_at_most == 4 * 2 * (2 + 1)


def test_none_is_held_unless_it_is_asked_for(site: Any, endpoint_args: Any) -> None:
    assert not [resource.name for resource in recorded(site, endpoint_args()) if resource.name.startswith("chat-warm")]


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        ({"min": 0, "max": 4, "warm": 1, "wake": {"query": "sum(jobs)", "threshold": 1}}, "set min: 1 or more"),
        ({"min": 2, "max": 4, "warm": 3}, "no more than 2 replicas are ever added"),
    ],
)
def test_room_for_nobody_is_refused(endpoint_args: Any, scale: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        endpoint_args(scale=scale)
