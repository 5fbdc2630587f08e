"""Every resource that pods of a pool ask for is one that whoever makes the pool's nodes knows of, by the table of node resources."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from components.catalogue.tables import rows
from graph.model import Graph
from policies.nodes import GROUP, POOL, POOL_LABEL, pool_of
from tests.assertions.graphs import STACKS
from tests.evaluated import evaluate

FABRIC = Path(__file__).parents[1] / "nodes" / "stacks" / "Pulumi.karpenter-fabric.yaml"
FILES = {**STACKS, FABRIC.stem.removeprefix("Pulumi."): FABRIC}
TABLE = rows("node_resources")


def pods(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every pod spec within a value."""
    if isinstance(value, Mapping):
        if "containers" in value:
            yield value
        for part in value.values():
            yield from pods(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from pods(part)


def asked(spec: Mapping[str, Any]) -> frozenset[str]:
    """Names of the resources that a pod asks for."""
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    wanted = [c.get("resources", {}).get(kind, {}) for c in containers for kind in ("requests", "limits")]
    return frozenset(name for resources in wanted for name in resources)


def makers(graph: Graph) -> Mapping[str, str]:
    """Who makes nodes of each pool, in the words of the table; pools that keep their nodes are left out."""
    found = {pool_of(group): "cluster-autoscaler" for group in graph.of_type(GROUP)}
    for pool in graph.of_type(POOL):
        spec = pool.inputs["spec"]
        auto = spec["template"]["spec"]["nodeClassRef"]["group"] == "eks.amazonaws.com"
        if "replicas" not in spec:
            found[pool_of(pool)] = "auto-mode" if auto else "karpenter"
    return found


def known(resource: str, maker: str) -> str:
    """What the table says; `unknown` for a resource that it does not have."""
    return next((row[maker] for row in TABLE if fnmatch(resource, row["resource"])), "unknown")


def verdicts(graph: Graph) -> Iterator[tuple[str, str, str, str]]:
    """Workload, resource, maker and what the table says, for every resource that a pod asks for in a pool."""
    who = makers(graph)
    for resource in graph:
        for spec in pods(resource.inputs.get("spec")):
            maker = who.get(str(spec.get("nodeSelector", {}).get(POOL_LABEL)))
            for name in sorted(asked(spec)) if maker else ():
                yield resource.name, name, str(maker), known(name, str(maker))


@pytest.mark.parametrize("stack", FILES)
def test_whoever_makes_nodes_knows_what_pods_ask_for(stack: str) -> None:
    wrong = [row for row in verdicts(evaluate(FILES[stack]).graph) if row[-1] not in ("computes", "tag")]
    assert not wrong


def test_pods_of_every_maker_were_judged() -> None:
    judged = [row for path in FILES.values() for row in verdicts(evaluate(path).graph)]
    assert {row[2] for row in judged} == {"cluster-autoscaler", "karpenter", "auto-mode"}
    assert {"vpc.amazonaws.com/efa", "ephemeral-storage", "nvidia.com/gpu"} <= {row[1] for row in judged}


@pytest.mark.parametrize("maker", ["karpenter", "auto-mode"])
def test_nobody_but_the_cluster_autoscaler_is_told_of_huge_pages(maker: str) -> None:
    assert known("hugepages-2Mi", maker) == "no"
    assert known("hugepages-2Mi", "cluster-autoscaler") == "tag"
    assert known("example.com/unheard-of", maker) == "unknown"


def test_a_pod_of_karpenter_with_a_fabric_uses_no_huge_pages() -> None:
    """The kubelet allows none to a pod that asks for none, and libfabric would use those that the node has: a bus error."""
    graph = evaluate(FABRIC).graph
    (group,) = graph.of_type("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet")
    told = [{e["name"]: e.get("value") for c in spec["containers"] for e in c["env"]} for spec in pods(group.inputs["spec"])]
    assert [env["FI_EFA_USE_HUGE_PAGE"] for env in told] == ["0", "0"]
    classes = graph.of_type("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass")
    written = [
        '"vm.nr_hugepages" = "0"' in c.inputs["spec"].get("userData", "") for c in classes if "networkInterfaces" in c.inputs["spec"]
    ]
    assert written == [True]
