"""What a stack file may say: one model per kind of site, and the rules that hold between its parts."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field

from components.accelerators import aws_machines
from components.aws.cluster.eks import ClusterArgs
from components.aws.network.vpc import NetworkArgs
from components.aws.registry.registry import RegistryArgs
from components.aws.storage.buckets import StorageArgs
from components.kubernetes.addons.operators import OperatorsArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.kubernetes.tracking.server import TrackingServerArgs
from components.onprem.cluster import ExistingClusterArgs
from components.onprem.database import ExistingDatabaseArgs
from components.onprem.storage import ExistingStoreArgs
from components.spec import Many, Name, Problem, Spec, rule
from infra.faults import did_you_mean
from infra.site_specs import AwsSite, OnPremSite

LOOK_ALIKE = str.maketrans({"-": "", "0": "o", "1": "l", "i": "l", "5": "s", "8": "b", "2": "z"})
"""Characters that are easily taken for one another, by one of each set."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one node of a GPU pool has, so far as the stack file tells. Sizes are in bytes, None is unknown."""

    gpus: float
    gpu_memory: int
    nodes: int
    """Most nodes of the pool."""
    cpu: int | None = None
    memory: int | None = None


class Common(Spec):
    """The part of a stack file that is the same wherever the platform stands."""

    tier: Literal["production", "nonproduction"]
    """What the stack is for. Rules of the policy packs read it; components never do."""
    owner: Name
    """The team that answers for the stack; on every tag and label."""
    layer: Annotated[Many[Literal["platform", "serving"]], Field(min_length=1)]
    """Layers that the stack holds: platform is the site with its tracking server, serving is the endpoints."""
    compliance: Many[Literal["hipaa", "soc2"]] = ()
    """Frameworks whose controls are judged."""
    operators: OperatorsArgs = OperatorsArgs()
    """Operators that workloads rely on."""
    tracking: TrackingServerArgs
    """The tracking server, MLflow."""
    endpoints: dict[Name, InferenceEndpointArgs] = Field(default_factory=dict)
    """Models that are served, by name."""

    @rule("layer")
    def _layers(self) -> Iterator[Problem]:
        if "platform" not in self.layer:
            yield Problem(("layer",), "must hold platform: a stack of serving alone is not supported yet")
        yield from repeated("layer", self.layer)

    @rule("compliance")
    def _frameworks_once(self) -> Iterator[Problem]:
        yield from repeated("compliance", self.compliance)

    @rule("layer", "endpoints")
    def _serving(self) -> Iterator[Problem]:
        if self.endpoints and "serving" not in self.layer:
            yield Problem(("endpoints",), "stand in a stack without the serving layer: add serving to layer, or remove them")
        if not self.endpoints and "serving" in self.layer:
            yield Problem(("layer",), "holds serving, but there are no endpoints: add some, or remove serving")

    @rule("endpoints")
    def _endpoints_told_apart(self) -> Iterator[Problem]:
        yield from look_alike("endpoints", self.endpoints)


class Platform(Common):
    """A platform at some site: what its models have in common, and the rules between endpoints and GPU pools."""

    @property
    @abstractmethod
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""

    @abstractmethod
    def node(self, pool: str) -> Node | None:
        """What a node of the pool has, or None where the machine is not known."""

    @rule("cluster")
    def _pools_told_apart(self) -> Iterator[Problem]:
        for problem in look_alike("pools", self.pool_names):
            yield Problem(("cluster", *problem.path), problem.message)

    @rule("endpoints", "cluster")
    def _pools_exist(self) -> Iterator[Problem]:
        known = list(self.pool_names)
        for name, endpoint in self.endpoints.items():
            pool = endpoint.pool
            if pool not in known:
                near = did_you_mean(pool, known)
                listed = f"pools are {', '.join(known)}" if known else "the cluster has none"
                yield Problem(("endpoints", name, "pool"), f"names no pool of the cluster: {near or listed}")

    @rule("endpoints", "cluster")
    def _endpoints_fit(self) -> Iterator[Problem]:
        for name, endpoint in self.endpoints.items():
            node = self.node(endpoint.pool) if endpoint.pool in self.pool_names else None
            if node:
                yield from (Problem(("endpoints", name, *path), text) for path, text in misfits(endpoint, node))

    @rule("endpoints", "cluster")
    def _pools_suffice(self) -> Iterator[Problem]:
        wanted: dict[str, int] = {}
        for name, endpoint in self.endpoints.items():
            node = self.node(endpoint.pool) if endpoint.pool in self.pool_names else None
            if node and endpoint.gpus > node.gpus:
                continue
            before = wanted.get(endpoint.pool, 0)
            wanted[endpoint.pool] = before + endpoint.gpus * endpoint.scale.max
            if node and before <= node.gpus * node.nodes < wanted[endpoint.pool]:
                have = f"{node.gpus * node.nodes:g} GPUs at most"
                others = f" beside {before} of other endpoints" if before else ""
                text = f"asks for {endpoint.gpus * endpoint.scale.max} GPUs{others}, and pool {endpoint.pool} has {have}"
                yield Problem(("endpoints", name, "scale", "max"), f"{text}: lower it, or let the pool grow")


class AwsPlatform(Platform):
    """A platform in one AWS account and region."""

    site: AwsSite
    """Where the platform stands."""
    network: NetworkArgs
    """The VPC."""
    cluster: ClusterArgs
    """The EKS cluster and its node pools."""
    storage: StorageArgs = StorageArgs()
    """The platform's buckets."""
    registry: RegistryArgs
    """Image repositories, the database of runs and models, and the artifact bucket."""

    @property
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""
        return self.cluster.pools.keys()

    def node(self, pool: str) -> Node | None:
        """What a node of the pool has, or None where the machine is not known."""
        args = self.cluster.pools[pool]
        machine = aws_machines().get(args.machine)
        if machine is None:
            return None
        nodes = args.max * len(args.capacity)
        return Node(machine.accelerators, machine.accelerator_memory_mib * 2**20, nodes, machine.vcpus, machine.memory_mib * 2**20)

    @rule("site", "cluster")
    def _pool_zones(self) -> Iterator[Problem]:
        zones = self.site.zones
        for name, pool in self.cluster.pools.items():
            for index, zone in enumerate(pool.zones):
                if zone not in zones:
                    text = f"is not a zone of the site, which has {', '.join(zones)}: choose one of these, or add it to site.zones"
                    yield Problem(("cluster", "pools", name, "zones", index), text)

    @rule("site", "cluster")
    def _own_administrators(self) -> Iterator[Problem]:
        account = self.site.account
        for index, role in enumerate(self.cluster.administrators):
            if role.split(":")[4] != account:
                text = f"is a role of another account than {account}: name a role of the site's account, which others may assume"
                yield Problem(("cluster", "administrators", index), text)

    @rule("network", "cluster")
    def _public_ranges(self) -> Iterator[Problem]:
        vpc = self.network.cidr
        yield from overlapping(("cluster", "public_access"), self.cluster.public_access, {"network.cidr": vpc})


class OnPremPlatform(Platform):
    """A platform on a cluster, an object store and a database that someone else runs."""

    site: OnPremSite
    """Where the platform stands."""
    cluster: ExistingClusterArgs
    """The cluster and its GPU pools."""
    object_store: ExistingStoreArgs
    """The object store."""
    database: ExistingDatabaseArgs
    """The database of runs and models."""

    @property
    def pool_names(self) -> Iterable[str]:
        """Names of the cluster's GPU pools."""
        return self.cluster.pools.keys()

    def node(self, pool: str) -> Node | None:
        """What a node of the pool has."""
        args = self.cluster.pools[pool]
        return Node(args.gpus_per_node, args.gpu_memory.value, args.nodes)

    @rule("object_store")
    def _store_addresses(self) -> Iterator[Problem]:
        yield from overlapping(("object_store", "addresses"), self.object_store.addresses, {})

    @rule("database")
    def _database_addresses(self) -> Iterator[Problem]:
        yield from overlapping(("database", "addresses"), self.database.addresses, {})


AnyPlatform = AwsPlatform | OnPremPlatform
"""Every kind of platform there is."""

PLATFORMS: Mapping[str, type[AnyPlatform]] = {"aws": AwsPlatform, "onprem": OnPremPlatform}
"""The model of a platform by its `site.cloud`."""


def misfits(endpoint: InferenceEndpointArgs, node: Node) -> Iterator[tuple[tuple[str, ...], str]]:
    """Why one replica does not fit a node, by path within the endpoint."""
    if endpoint.gpus > node.gpus:
        yield ("gpus",), f"is more than one node of pool {endpoint.pool} has, {node.gpus:g}"
    elif node.gpus % endpoint.gpus:
        yield ("gpus",), f"does not divide the {node.gpus:g} of a node of pool {endpoint.pool}: the rest would stand idle"
    elif endpoint.weights.value > endpoint.gpus * node.gpu_memory * endpoint.engine.memory_share // 10_000:
        have = f"{endpoint.gpus} x {node.gpu_memory / 2**30:.4g}GiB at {endpoint.engine.memory_share / 100:g}%"
        yield ("weights",), f"do not fit the GPUs of one replica, {have}: take more GPUs, or a pool with larger ones"
    if node.cpu is not None and endpoint.cpu >= node.cpu:
        yield ("cpu",), f"leaves a node of pool {endpoint.pool} nothing for the system: it has {node.cpu}"
    if node.memory is not None and endpoint.memory.value >= node.memory:
        yield ("memory",), f"leaves a node of pool {endpoint.pool} nothing for the system: it has {node.memory / 2**30:.4g}GiB"


def overlapping(path: tuple[str, ...], ranges: Iterable[str], taken: Mapping[str, str]) -> Iterator[Problem]:
    """A problem for each range that shares addresses with an earlier one or with one that is taken, by who takes it."""
    earlier = {f"{text} of {name}": ip_network(text) for name, text in taken.items()}
    for index, text in enumerate(ranges):
        network = ip_network(text)
        others = [name for name, other in earlier.items() if other.version == network.version and other.overlaps(network)]
        if others:
            yield Problem((*path, index), f"overlaps {others[0]}: remove it, or narrow it")
        earlier[text] = network


def repeated(field: str, values: Iterable[str]) -> Iterator[Problem]:
    """A problem for each value that stands twice."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Problem((field, index), f"names {value} twice: remove one")
        seen.add(value)


def look_alike(field: str, names: Iterable[str]) -> Iterator[Problem]:
    """A problem for each name that a reader would take for an earlier one."""
    seen: dict[str, str] = {}
    for name in names:
        earlier = seen.setdefault(name.translate(LOOK_ALIKE), name)
        if earlier != name:
            yield Problem((field, name), f"looks like {earlier}: give one of them another name")
