"""Stack file of a platform on an EKS cluster that others own, and the rules between its parts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from components.accelerators import aws_machines, unfit
from components.aws.capacity.density import most_pods
from components.aws.capacity.room import kept
from components.aws.cluster.existing import ExistingEksArgs
from components.aws.network.endpoints import NODE_SERVICES
from components.aws.network.existing import SurroundingNetworkArgs
from components.kubernetes.addons.footprint import on_node
from components.spec import Problem, rule
from infra.aws import cluster_rules, download_notes, given
from infra.aws.any_platform import AnyAwsPlatform
from infra.aws.node_room import DAEMONS, SYSTEM, operated
from infra.notes import Note
from infra.rules.between import Node, bytes_of
from infra.rules.endpoint_room import without_room


class AwsGivenPlatform(AnyAwsPlatform):
    """A platform in one AWS account and region, on a cluster and in a network that others own."""

    network: SurroundingNetworkArgs
    """The VPC that the cluster is in."""
    cluster: ExistingEksArgs
    """The EKS cluster and its GPU pools."""

    @property
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""
        return self.cluster.existing.pools.keys()

    def node(self, pool: str) -> Node | None:
        """What a node of the pool has, or None where the machine is none that a pool may have."""
        args = self.cluster.existing.pools[pool]
        machine = aws_machines().get(args.machine)
        if machine is None or unfit(machine):
            return None
        memory = machine.accelerator_memory_mib * 2**20
        has = Node(machine.accelerators, memory, args.nodes, machine.vcpus, machine.memory_mib * 2**20)
        return replace(has, least=args.nodes, fetches=bytes_of(args.pull_speed))

    def notes(self) -> Iterator[Note]:
        """Notes of the network around the cluster too."""
        yield from super().notes()
        yield from download_notes.endpoints(self.network, NODE_SERVICES)
        yield from download_notes.notes(self.site, self.network, self.with_images)
        yield from download_notes.log_in(self.site, self.operators.mirror)

    @rule("endpoints", "cluster", "operators", "account")
    def _endpoints_have_room(self) -> Iterator[Problem]:
        """Add-ons of the cluster's owners are not known here: what this stack installs is counted, and the system."""
        daemons = on_node([*operated(self.operators), *self.besides], ["nvidia"])
        nodes = {
            pool: replace(node, kept={SYSTEM: kept(aws_machines()[args.machine], pods=most_pods([args.machine])), DAEMONS: daemons})
            for pool, args in self.cluster.existing.pools.items()
            if (node := self.node(pool))
        }
        yield from without_room(self.endpoints, nodes)

    @rule("site", "network")
    def _given_subnets(self) -> Iterator[Problem]:
        yield from given.zones_of_site(self.network.existing, self.site.zones)

    @rule("site", "cluster")
    def _cluster_here(self) -> Iterator[Problem]:
        yield from given.endpoint_of_region(self.cluster.existing.endpoint, self.site.region)

    @rule("site", "network", "operators", "tracking", "endpoints")
    def _images_within_reach(self) -> Iterator[Problem]:
        yield from cluster_rules.images(self.site, self.network, self.with_images)

    @rule("site", "network", "operators")
    def _charts_within_reach(self) -> Iterator[Problem]:
        yield from cluster_rules.mirror(self.site, self.network, self.operators)
