"""Availability rules: what serves people survives the loss of a node, a zone or a spot market."""

from collections.abc import Iterator, Mapping
from typing import Any

from graph.model import Resource
from policies.model import Book, View, get
from policies.nodes import MAKERS, SERVES, placed_on, pool_of, required, spot_only
from policies.rules.workloads import SERVERS, serves

BOOK = Book("availability")


def selected(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a matchLabels selector, not empty, takes an object with these labels."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def pod_labels(deployment: Resource) -> Mapping[str, Any]:
    """Labels of the pods that a Deployment makes."""
    found: Mapping[str, Any] = get(deployment, "spec.template.metadata.labels", {})
    return found


def namespace(resource: Resource) -> str:
    """The namespace of a Kubernetes object."""
    return str(get(resource, "metadata.namespace", "default"))


@BOOK.rule(
    "database-two-zones",
    "aws:rds/instance:Instance",
    title="Production databases stand in two zones",
    remedy="set multiAz",
    tier="production",
)
def database_two_zones(database: Resource, view: View) -> Iterator[str]:
    """A standby in another zone."""
    if get(database, "multiAz") is not True:
        yield "stands in a single zone"


@BOOK.rule(
    "serving-not-only-spot",
    *SERVES,
    title="Production serving does not live on spot alone",
    remedy="add on-demand to the pool's capacity",
    tier="production",
    only=serves,
)
def serving_not_only_spot(workload: Resource, view: View) -> Iterator[str]:
    """Every group and node pool of the pool that pods select."""
    pool = placed_on(workload)
    makers = [maker for maker in view.of(*MAKERS) if pool and pool_of(maker) == pool]
    if makers and all(map(spot_only, makers)):
        yield f"pool {pool} is spot only: one reclaim takes every replica"


@BOOK.rule(
    "system-zones",
    *MAKERS,
    title="System nodes stand in two zones or more",
    remedy="give the system pool subnets of two zones",
    tier="production",
    only=lambda maker: pool_of(maker) == "system",
)
def system_zones(maker: Resource, view: View) -> Iterator[str]:
    """DNS and the operators run there."""
    zones = set[object]()
    for each in view.of(*MAKERS):
        if pool_of(each) == pool_of(maker) and each.provider == maker.provider:
            zones |= _zones(each, view)
    if len(zones) == 1:
        yield "stands in a single zone, and so does all of its pool"


def _zones(maker: Resource, view: View) -> set[object]:
    """Zones of the nodes of a node group or pool, so far as subnets are of this stack."""
    subnets = view.linked(maker, "subnetIds", "aws:ec2/subnet:Subnet")
    zones = {get(subnet, "availabilityZone") for subnet in subnets}
    return zones | set(required(maker, "topology.kubernetes.io/zone"))


@BOOK.rule(
    "nat-per-zone",
    "aws:ec2/vpc:Vpc",
    title="Production networks have a NAT gateway in every zone",
    remedy="set egress to nat-per-zone, or to none",
    tier="production",
    severity="medium",
)
def nat_per_zone(vpc: Resource, view: View) -> Iterator[str]:
    """The loss of one zone leaves the others their way out."""
    zones = {get(subnet, "availabilityZone") for subnet in view.attached(vpc, "aws:ec2/subnet:Subnet", "vpcId")}
    gateways = len(view.of("aws:ec2/natGateway:NatGateway"))
    if 0 < gateways < len(zones):
        yield f"{gateways} NAT gateway for {len(zones)} zones: the loss of one zone cuts off the others"


@BOOK.rule(
    "pod-disruption-budget",
    *SERVERS,
    title="Replicas have a disruption budget",
    remedy="add a PodDisruptionBudget that selects its pods",
    only=serves,
)
def pod_disruption_budget(deployment: Resource, view: View) -> Iterator[str]:
    """One that selects the pods and lets one go at a time, so that nodes can be drained."""
    budgets = [
        budget
        for budget in view.of("kubernetes:policy/v1:PodDisruptionBudget")
        if namespace(budget) == namespace(deployment) and selected(get(budget, "spec.selector.matchLabels", {}), pod_labels(deployment))
    ]
    if not budgets:
        yield "no disruption budget selects its pods"
    if any(get(budget, "spec.maxUnavailable", 1) in (0, "0%") for budget in budgets):
        yield "its disruption budget lets no pod go, so no node can be drained"


@BOOK.rule(
    "one-autoscaler",
    *SERVERS,
    title="At most one autoscaler sets the number of replicas",
    remedy="keep the ScaledObject or the HorizontalPodAutoscaler",
    severity="medium",
)
def one_autoscaler(deployment: Resource, view: View) -> Iterator[str]:
    """Two would undo each other's work."""
    scalers = view.of("kubernetes:keda.sh/v1alpha1:ScaledObject", "kubernetes:autoscaling/v2:HorizontalPodAutoscaler")
    name = get(deployment, "metadata.name")
    found = [s for s in scalers if namespace(s) == namespace(deployment) and get(s, "spec.scaleTargetRef.name") == name]
    if len(found) > 1:
        yield f"{len(found)} autoscalers set its size"


@BOOK.rule(
    "production-replicas",
    "kubernetes:keda.sh/v1alpha1:ScaledObject",
    title="Production endpoints keep two replicas",
    remedy="set scale.min to 2 or more",
    tier="production",
    severity="medium",
    level="advisory",
)
def production_replicas(scaler: Resource, view: View) -> Iterator[str]:
    """A node may go at any time."""
    least = get(scaler, "spec.minReplicaCount", 0)
    if least < 2:
        yield f"keeps {least} at the least, fewer than 2"
