"""Rules on nodes hold however nodes are made: a defect planted in a Karpenter or Auto Mode pool is found as one in a node group is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graph.model import Graph, Resource
from policies.catalog import BY_ID
from policies.evaluate import evaluate
from policies.model import View
from policies.nodes import AUTO_CLASS, GROUP, KARPENTER_CLASS, LEADER_WORKERS, POOL, RELEASE, pool_of
from tests.evaluated import evaluate as evaluate_stack
from tests.policies.mutants import CUT, Defect

EXAMPLES = Path(__file__).parents[2] / "examples"
CONTEXTS = Path(__file__).parents[1] / "config" / "full"
DEPLOYMENT, BUDGET, QUEUE = "kubernetes:apps/v1:Deployment", "aws:budgets/budget:Budget", "aws:sqs/queue:Queue"
TEMPLATE = "spec/template/spec"
SPOT = [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}]
ONE_ZONE = [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["us-west-2a"]}]

GATES, KARPENTER_NAME = "values/settings/featureGates", "cluster-karpenter"


def named(chart: str) -> Callable[[Resource], bool]:
    return lambda release: str(release.inputs["chart"]).endswith(chart)


keda, operator, neuron = named("keda"), named("gpu-operator"), named("neuron-helm-chart")


@dataclass(frozen=True)
class Planted:
    """Defects of one stack that a rule must blame on a type."""

    stack: str
    rule: str
    blamed: str
    defects: tuple[Defect, ...]


def edited(path: str, value: Any, *names: str) -> tuple[Defect, ...]:
    """The same edit of several node pools."""
    return tuple(Defect(POOL, path, value, where=lambda r, name=name: r.name == name) for name in names)  # type: ignore[misc]


KARPENTER = ("cluster-pool-serving-reserved", "cluster-pool-serving-on-demand", "cluster-pool-serving-spot")
PLANTED = (
    Planted("karpenter", "serving-not-only-spot", DEPLOYMENT, edited(f"{TEMPLATE}/requirements", SPOT, *KARPENTER)),
    Planted("karpenter", "gpu-pool-cost-tag", POOL, (Defect(KARPENTER_CLASS, "spec/tags/groundwork:pool", CUT),)),
    Planted("karpenter", "gpu-pool-cost-tag", POOL, (Defect(KARPENTER_CLASS, "metadata/name", "other"),)),
    Planted("karpenter", "gpu-pool-budget", POOL, (Defect(BUDGET, drop=True, where=lambda b: "pool-" in b.name),)),
    Planted("karpenter", "gpu-pool-taint", POOL, edited(f"{TEMPLATE}/taints", [], KARPENTER[0])),
    Planted("karpenter", "gpu-pool-taint", POOL, edited(f"{TEMPLATE}/taints/0/effect", "PreferNoSchedule", KARPENTER[0])),
    Planted("karpenter", "accelerator-announced-once", POOL, (Defect(KARPENTER_CLASS, "spec/amiFamily", "AL2023"),)),
    Planted("karpenter", "accelerator-announced-once", POOL, (Defect(RELEASE, "chart", "nvidia-device-plugin", where=keda),)),
    Planted(
        "karpenter", "gpu-node-repair", POOL, (Defect(RELEASE, f"{GATES}/nodeRepair", False, where=lambda r: r.name == KARPENTER_NAME),)
    ),
    Planted("karpenter", "node-replacement-bounded", POOL, edited("spec/template/spec/expireAfter", "720h", KARPENTER[0])),
    Planted("karpenter", "imdsv2", KARPENTER_CLASS, (Defect(KARPENTER_CLASS, "spec/metadataOptions", {}),)),
    Planted("karpenter", "node-private", KARPENTER_CLASS, (Defect(KARPENTER_CLASS, "spec/associatePublicIPAddress", True),)),
    Planted("karpenter", "volume-customer-key", KARPENTER_CLASS, (Defect(KARPENTER_CLASS, "spec/blockDeviceMappings", CUT),)),
    Planted("karpenter", "message-key", QUEUE, (Defect(QUEUE, "kmsMasterKeyId", CUT, unlink="kmsMasterKeyId"),)),
    Planted("auto-mode", "serving-not-only-spot", DEPLOYMENT, edited(f"{TEMPLATE}/requirements", SPOT, *KARPENTER[1:])),
    Planted(
        "auto-mode", "gpu-pool-cost-tag", POOL, (Defect(AUTO_CLASS, "spec/tags/groundwork:pool", CUT, where=lambda c: "pool-" in c.name),)
    ),
    Planted("auto-mode", "gpu-pool-budget", POOL, (Defect(BUDGET, drop=True, where=lambda b: "pool-" in b.name),)),
    Planted("auto-mode", "gpu-pool-taint", POOL, edited(f"{TEMPLATE}/taints", CUT, KARPENTER[1])),
    Planted("auto-mode", "accelerator-announced-once", POOL, (Defect(RELEASE, "chart", "nvidia-device-plugin", where=keda),)),
    Planted("aws-sharing", "accelerator-announced-once", GROUP, (Defect(RELEASE, "values/devicePlugin/enabled", False, where=operator),)),
    Planted("trn2", "accelerator-announced-once", GROUP, (Defect(RELEASE, drop=True, where=neuron),)),
    Planted("auto-mode", "system-zones", POOL, edited(f"{TEMPLATE}/requirements", ONE_ZONE, "cluster-system")),
)


def drawn(stack: str) -> Graph:
    example, context = EXAMPLES / f"Pulumi.{stack}.yaml", CONTEXTS / f"{stack}.yaml"
    return evaluate_stack(example if example.exists() else context).graph


@pytest.mark.parametrize("planted", PLANTED, ids=lambda p: f"{p.stack}-{p.rule}")
def test_a_defect_of_nodes_is_found_however_they_are_made(planted: Planted) -> None:
    graph = drawn(planted.stack)
    sound = [v for v in evaluate(graph) if v.rule == planted.rule]
    assert {v.status for v in sound} <= {"pass", "not-applicable"}
    assert {graph.by_urn[v.urn].type for v in sound if v.status == "pass"} >= {planted.blamed}
    for defect in planted.defects:
        graph = defect.plant(graph)
    found = [v for v in evaluate(graph) if v.rule == planted.rule and v.status == "fail"]
    assert {graph.by_urn[v.urn].type for v in found} == {planted.blamed}


def test_every_pool_of_the_examples_is_seen() -> None:
    pools = {stack: {pool_of(r) for r in drawn(stack).of_type(POOL)} for stack in ("karpenter", "auto-mode")}
    assert pools == {"karpenter": {"serving", "training"}, "auto-mode": {"system", "serving", "training"}}


def test_groups_of_pods_that_hold_one_model_are_seen_as_serving() -> None:
    graph = drawn("large-model")
    (groups,) = graph.of_type(LEADER_WORKERS)
    rule = BY_ID["serving-not-only-spot"]
    assert LEADER_WORKERS in rule.types
    assert list(rule.check(groups, View(graph))) == []
    spot = Defect(GROUP, "capacityType", "SPOT", where=lambda g: "pool-large" in g.name).plant(graph)
    assert list(rule.check(groups, View(spot))) == ["pool large is spot only: one reclaim takes every replica"]
