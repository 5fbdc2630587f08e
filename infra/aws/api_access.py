"""Reach of the Kubernetes API server: whether the stack can be deployed from where its engine runs. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network

from components.aws.cluster.args import ClusterArgs
from components.aws.network.connections import Connection, PeeringArgs
from components.aws.network.existing import ExistingNetworkArgs
from components.aws.network.vpc import NetworkArgs
from components.spec import Problem
from infra.notes import Note

PLACE = ("cluster", "private_access")
WAYS = (
    "state cluster.public_access (ranges of your offices or VPN), or cluster.private_access.ranges with the connection they come by "
    "in network.connections"
)


def of_cluster(network: NetworkArgs | ExistingNetworkArgs, cluster: ClusterArgs) -> Iterator[Problem]:
    """Whether somebody outside of what is made here reaches the API server; charts and all else in the cluster are put there by `up`."""
    if isinstance(network, ExistingNetworkArgs):
        if not cluster.public_access and not cluster.private_access.given:
            text = "and public_access are empty: the engine that puts charts into the cluster could not open a connection to it; name the"
            yield Problem(PLACE, f"{text} ranges or security groups of the machines that you deploy from")
        return
    yield from _named(network.cidr, network.connections, cluster)
    yield from unfinished(network.cidr, network.connections, cluster, place=PLACE)


def unfinished(cidr: str, connections: Mapping[str, Connection], cluster: ClusterArgs, *, place: tuple[str, ...]) -> Iterator[Problem]:
    """A problem at a place when nobody outside a VPC of the range, which the same `up` makes, reaches the API server in it."""
    if cluster.public_access or any(by for _, by in _outside(cidr, connections, cluster.private_access.ranges)):
        return
    if cluster.private_access.security_groups and any(isinstance(c, PeeringArgs) for c in connections.values()):
        return
    text = "lets nobody in from outside the VPC, which the same `up` makes, and the engine that puts charts into the cluster runs outside"
    yield Problem(place, f"{text}: {WAYS}")


def _outside(cidr: str, connections: Mapping[str, Connection], ranges: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each range that may open a connection and is not of the VPC, with the name of the connection that leads to it, or ""."""
    for text in ranges:
        if not IPv4Network(text).subnet_of(IPv4Network(cidr)):
            yield text, next((name for name, by in connections.items() if _leads(by, text)), "")


def _leads(connection: Connection, text: str) -> bool:
    return any(IPv4Network(text).subnet_of(IPv4Network(known)) for known in connection.ranges)


def _named(cidr: str, connections: Mapping[str, Connection], cluster: ClusterArgs) -> Iterator[Problem]:
    """Ranges and security groups that are let in, though nothing leads to them. With public access, others may lead them there later."""
    found = dict(_outside(cidr, connections, cluster.private_access.ranges))
    for index, text in enumerate(cluster.private_access.ranges):
        if found.get(text) == "" and not cluster.public_access:
            yield Problem(
                (*PLACE, "ranges", index), f"is behind no connection of network.connections, nor in {cidr}: add one, or remove it"
            )
    peered = any(isinstance(c, PeeringArgs) and c.region is None for c in connections.values())
    for index, _ in enumerate(cluster.private_access.security_groups):
        if not peered:
            text = "is in no VPC that is peered in this region by network.connections: name ranges instead, or add the peering"
            yield Problem((*PLACE, "security_groups", index), text)


def notes(network: NetworkArgs | ExistingNetworkArgs, cluster: ClusterArgs) -> Iterator[Note]:
    """What people must see to before the stack can be deployed."""
    if isinstance(network, ExistingNetworkArgs):
        if not cluster.public_access:
            yield Note("cluster", "its API server is private: deploy from a machine that is let in by cluster.private_access")
        return
    for name, connection in network.connections.items():
        if isinstance(connection, PeeringArgs) and not connection.accepted_here:
            text = f"has to be accepted by the owners of {connection.vpc}, who route {network.cidr} back; until then `up` cannot finish"
            yield Note("network", f"connection {name} {text}")
    if not cluster.public_access:
        yield Note("cluster", "its API server is private: deploy from a network of network.connections")
