"""What a stack file may say of a platform on an EKS cluster that others own, and the rules that hold between its parts."""

from collections.abc import Iterable, Iterator

from components.accelerators import aws_machines, unfit
from components.aws.account.guardrails import AccountArgs
from components.aws.cluster.existing import ExistingEksArgs
from components.aws.identity.boundary import IdentityArgs
from components.aws.network.existing import SurroundingNetworkArgs
from components.aws.registry.registry import RegistryArgs
from components.aws.storage.buckets import BucketsArgs
from components.spec import Problem, rule
from infra import aws_given
from infra.aws_account import budgeted_pools
from infra.aws_storage import foreign_keys, said_of_given_artifacts
from infra.between import Node
from infra.notes import Note
from infra.platform import Platform
from infra.site_specs import AwsSite


class AwsGivenPlatform(Platform):
    """A platform in one AWS account and region, on a cluster and in a network that others own."""

    site: AwsSite
    """Where the platform stands."""
    identity: IdentityArgs = IdentityArgs()
    """Limits of the stack's IAM roles."""
    network: SurroundingNetworkArgs
    """The VPC that the cluster is in."""
    cluster: ExistingEksArgs
    """The EKS cluster and its GPU pools."""
    storage: BucketsArgs = BucketsArgs()
    """The platform's buckets."""
    registry: RegistryArgs
    """Image repositories, the database of runs and models, and the artifact bucket."""
    account: AccountArgs | None = None
    """Guard rails of the account; absent where other stacks or the organisation keep them all."""

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
        return Node(machine.accelerators, memory, args.nodes, machine.vcpus, machine.memory_mib * 2**20)

    def notes(self) -> Iterator[Note]:
        """What others own."""
        yield from aws_given.notes(self)

    @rule("site", "network")
    def _given_subnets(self) -> Iterator[Problem]:
        yield from aws_given.zones_of_site(self.network.existing, self.site.zones)

    @rule("site", "cluster")
    def _cluster_here(self) -> Iterator[Problem]:
        yield from aws_given.endpoint_of_region(self.cluster.existing.endpoint, self.site.region)

    @rule("account", "cluster")
    def _budgets_of_pools(self) -> Iterator[Problem]:
        if self.account:
            yield from budgeted_pools(self.account, list(self.pool_names))

    @rule("site", "storage")
    def _keys_of_the_region(self) -> Iterator[Problem]:
        yield from foreign_keys(self.storage, self.site.region)

    @rule("storage", "registry")
    def _given_artifacts(self) -> Iterator[Problem]:
        yield from said_of_given_artifacts(self.storage, self.registry)
