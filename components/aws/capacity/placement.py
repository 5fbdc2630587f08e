"""Placement groups of a fabric's nodes, and security groups that let all of its traffic through."""

from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.capacity.node_plan import NodePlan
from components.aws.capacity.plan import ReservedCapacity
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")

STRATEGY = "cluster"


def placement_group(owner: AwsComponent, plan: NodePlan) -> pulumi.Input[str] | None:
    """The name of the group that nodes are to stand in: the reservation's, else one made for them; None where they need none."""
    if not plan.close:
        return None
    if isinstance(plan.capacity, ReservedCapacity) and plan.capacity.placement_group:
        return plan.capacity.placement_group
    group = aws.ec2.PlacementGroup(
        f"{owner.prefix}-{plan.role}-placement",
        name=owner.context.naming.generation(plan.role, {"strategy": STRATEGY, "zones": plan.zones}, limit=255),
        strategy=STRATEGY,
        tags=owner.tags(plan.role),
        # Instances in one zone keep a cluster group there: another zone is another group, made before the old one goes.
        opts=pulumi.ResourceOptions.merge(owner.child(), pulumi.ResourceOptions(delete_before_replace=False)),
    )
    return group.name


class FabricGroups:
    """The security groups of nodes with EFA: the cluster's own, and one for the fabric. EFA needs each of them to let in and out what comes
    from and goes to itself; a rule for all addresses does not do.

    Sources: AWS EC2 user guide, "Prepare an EFA-enabled security group"; gardener/gardener-extension-provider-aws#1832 for the way out. EKS
    makes the cluster's group with a rule that lets itself in.
    """

    def __init__(self, owner: AwsComponent, *, vpc: pulumi.Input[str], cluster_group: pulumi.Output[str]) -> None:
        self.owner = owner
        name = f"{owner.prefix}-fabric"
        group = owner.make_security_group("fabric", "Everything between nodes with EFA", vpc, called="fabric")
        inward = aws.vpc.SecurityGroupIngressRule(
            f"{name}-in",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="From nodes of the fabric",
            tags=owner.tags(),
            opts=owner.child(),
        )
        self.ready: tuple[pulumi.Resource, ...] = (
            inward,
            self._outward(f"{name}-out", group.id, "To nodes of the fabric"),
            self._outward(f"{name}-cluster-out", cluster_group, "To nodes of the cluster, for EFA"),
        )
        self.ids: tuple[pulumi.Output[str], ...] = (cluster_group, group.id)

    def _outward(self, name: str, group: pulumi.Input[str], why: str) -> "aws.vpc.SecurityGroupEgressRule":
        return aws.vpc.SecurityGroupEgressRule(
            name,
            security_group_id=group,
            referenced_security_group_id=group,
            ip_protocol="-1",
            description=why,
            tags=self.owner.tags(),
            opts=self.owner.child(),
        )
