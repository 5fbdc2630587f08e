"""Standby of the platform in the recovery region: its network, the machines reserved there, and the cluster when it is warm."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pulumi

from components.aws.base import AwsComponent
from components.aws.capacity.pool_set import Evictions
from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.args import ClusterArgs
from components.aws.cluster.eks import GpuCluster
from components.aws.network.endpoints import NODE_SERVICES
from components.aws.network.existing import ExistingNetworkArgs
from components.aws.network.vpc import Network, NetworkArgs
from components.aws.recovery.args import PoolCapacity, RecoveryArgs
from components.contracts import Context
from components.kubernetes.addons.charts import MirrorArgs
from components.lazy import lazy

if TYPE_CHECKING:
    import pulumi_aws as aws
else:
    aws = lazy("pulumi_aws")


def standby_network(home: NetworkArgs | ExistingNetworkArgs, args: RecoveryArgs) -> NetworkArgs:
    """The site's network with the region's own range. Without a cluster in it there is no way out, which costs while nobody uses it.

    Where others own the site's network, the region gets a plain one: as closed as theirs, else with one way out.
    """
    idle = {} if args.cluster == "warm" else {"egress": "none", "private_endpoints": False}
    if isinstance(home, ExistingNetworkArgs):
        closed = home.existing.closed
        home = NetworkArgs(cidr=args.cidr, egress="none" if closed else "nat", private_endpoints=closed)
    return home.model_copy(update={"cidr": args.cidr, "connections": args.connections, "protect": args.protect, **idle})


def standby_pool(home: GpuPoolArgs, capacity: PoolCapacity, zones: Sequence[str]) -> GpuPoolArgs:
    """The pool at zero, bought on demand: reservations and blocks of the site mean nothing in another region.

    A pool of one zone stays in one: that of its reservation, else the region's first.
    """
    here = (capacity.zone,) if capacity.zone else tuple(zones[:1]) if len(home.zones) == 1 else ()
    most = home.max if capacity.degraded is None else capacity.degraded
    return home.model_copy(update={"capacity": ("on-demand",), "min": 0, "max": most, "zones": here})


def standby_cluster(home: ClusterArgs, args: RecoveryArgs) -> ClusterArgs:
    """The site's cluster with every pool at zero, without the pools that do not come up there."""
    pools = {
        name: standby_pool(home.pools[name], capacity, args.zones) for name, capacity in args.capacity.items() if capacity.degraded != 0
    }
    return home.model_copy(update={"pools": pools, "protect": args.protect})


class Standby(AwsComponent):
    """A network, reserved machines, and with `cluster: warm` a cluster that waits with its system nodes alone."""

    def __init__(
        self,
        name: str,
        args: RecoveryArgs,
        *,
        home_network: NetworkArgs | ExistingNetworkArgs,
        home_cluster: ClusterArgs,
        mirror: MirrorArgs | None = None,
        evictions: Evictions | None = None,
        services: Sequence[str] = NODE_SERVICES,
        context: Context,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Standby", name, context, opts)
        shape, here = standby_network(home_network, args), self.child()
        network = self.network = Network(f"{name}-network", shape, zones=args.zones, context=context, services=services, opts=here)
        self._reserve(args.capacity, home_cluster.pools)
        if args.cluster == "warm":
            cluster = standby_cluster(home_cluster, args)
            GpuCluster(
                f"{name}-cluster",
                cluster,
                network=network,
                context=context,
                mirror=mirror,
                evictions=evictions,
                opts=self.child(),
            )
        self.register_outputs({"vpc_id": network.vpc.id})

    def _reserve(self, capacity: Mapping[str, PoolCapacity], pools: Mapping[str, GpuPoolArgs]) -> None:
        """Reservations that any matching machine of the account fills, so that node groups need not name them.

        Source: CloudFormation reference, AutoScalingGroup CapacityReservationSpecification:
        "default" takes what the launch template prefers, or an open reservation.
        """
        for pool, stated in capacity.items():
            if stated.reserved is not None and stated.zone is not None:
                aws.ec2.CapacityReservation(
                    f"{self.prefix}-{pool}-capacity",
                    instance_type=pools[pool].machine,
                    instance_platform="Linux/UNIX",
                    availability_zone=stated.zone,
                    instance_count=stated.reserved,
                    instance_match_criteria="open",
                    end_date_type="unlimited",
                    tags=self.tags(f"{pool}-capacity"),
                    opts=self.child(),
                )
