"""All nodes of a cluster: its system pool and its accelerator pools, whichever way they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent, ServiceRole
from components.aws.capacity.cpu_pools import CpuPoolArgs
from components.aws.capacity.evictions import Eviction
from components.aws.capacity.groups import NODE_POLICIES, Ground, NodeGroups, group_name
from components.aws.capacity.launching import Launching
from components.aws.capacity.node_plan import NodePlan, by_zone, plan_cpu_pool, plan_pool, plan_system
from components.aws.capacity.node_pools import NodePools
from components.aws.capacity.pools import GpuPoolArgs, SystemPoolArgs
from components.aws.capacity.updating import groups_of
from components.aws.documents.statements import document
from components.aws.documents.trust import trust_service_unconditionally

Evictions = Mapping[str, Sequence[Eviction]]

if TYPE_CHECKING:
    import pulumi_aws as aws


def node_role(owner: AwsComponent) -> ServiceRole:
    """The role that every node of a cluster has."""
    return owner.role("node", document(trust_service_unconditionally("ec2.amazonaws.com")), managed=NODE_POLICIES)


class PoolSet:
    """The nodes of one cluster; children belong to `owner`, the cluster's component.

    `system` are the node groups of the system pool, one for each zone; `groups` those of accelerator
    and CPU pools. `preferences` names the latter by pool and by way of buying, in the order of the pool's
    capacity: groups of one way that differ in their zone alone are equals.
    """

    system: Sequence["aws.eks.NodeGroup"]
    groups: Sequence["aws.eks.NodeGroup"]

    def __init__(
        self,
        owner: AwsComponent,
        ground: Ground,
        system: SystemPoolArgs,
        pools: Mapping[str, GpuPoolArgs],
        zones: Sequence[str],
        *,
        cpu: Mapping[str, CpuPoolArgs],
        evictions: Evictions,
    ) -> None:
        """`evictions` says by pool what leaves its nodes one by one."""
        self.ground, self.pools = ground, pools
        maker = NodeGroups(owner, ground)
        grouped = [(self._leaving(name, args, zones, evictions), args.group_per_zone) for name, args in pools.items() if not args.karpenter]
        grouped += [(list(plan_cpu_pool(name, args, zones)), args.group_per_zone) for name, args in cpu.items()]
        self.plans: Mapping[str, Sequence[NodePlan]] = {n: plan_pool(n, a, zones) for n, a in pools.items() if a.karpenter is not None}
        naming = owner.context.naming
        self.preferences = [
            [[group_name(each, naming) for each in (by_zone(plan) if apart else (plan,))] for plan in plans] for plans, apart in grouped
        ]
        self.system = maker.each_zone(plan_system(system, zones))
        self.groups = [
            group for plans, apart in grouped for plan in plans for group in (maker.each_zone(plan) if apart else [maker.make(plan)])
        ]

    @staticmethod
    def _leaving(name: str, args: GpuPoolArgs, zones: Sequence[str], evictions: Evictions) -> list[NodePlan]:
        """Plans of an accelerator pool, with what leaves their nodes one by one."""
        leaving, groups = evictions.get(name, ()), groups_of(args, zones)
        return [replace(plan, evictions=leaving, groups=groups) for plan in plan_pool(name, args, zones)]

    def launched(self, launching: Launching) -> list[pulumi.Resource]:
        """The pools whose nodes Karpenter starts, and what they come after."""
        maker = NodePools(launching, self.ground)
        made = [(self.pools[name].karpenter, plans) for name, plans in self.plans.items()]
        objects = [maker.make(plan, args, position) for args, plans in made if args for position, plan in enumerate(plans)]
        return [*launching.after, *objects]
