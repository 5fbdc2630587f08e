"""Rules between a platform's recovery region and the rest of its stack file, and its promises. Pure functions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network

from components.aws.capacity.pools import GpuPoolArgs
from components.aws.cluster.args import ClusterArgs
from components.aws.network.connections import overlaps
from components.aws.network.existing import ExistingNetworkArgs
from components.aws.network.subnets import service_range
from components.aws.network.vpc import NetworkArgs
from components.aws.recovery.args import PoolCapacity, RecoveryArgs
from components.aws.recovery.objectives import MECHANISMS, PARTS, Course, Standby, Step, cluster_steps, least_rpo, spelled, told, total
from components.aws.registry.registry import RegistryArgs
from components.aws.storage.args import StorageArgs
from components.aws.storage.retention import BucketArgs
from components.kubernetes.serving.endpoint import InferenceEndpointArgs
from components.spec import Problem
from graph.types import latency
from infra.aws import api_access
from infra.notes import Note
from infra.reading.faults import did_you_mean
from infra.site_specs import AwsSite

HERE = "recovery"
LOADED_FROM = "models"
RUNS = "artifacts"


def place(site: AwsSite, network: NetworkArgs | ExistingNetworkArgs, args: RecoveryArgs) -> Iterator[Problem]:
    """Another region, and another range of addresses."""
    if args.region == site.region:
        yield Problem((HERE, "region"), f"is the site's own region, which is what may be lost: choose another than {site.region}")
    if ip_network(args.cidr).overlaps(ip_network(network.cidr)):
        text = f"overlaps {network.cidr} of the site: choose another range, or the two could never be connected to fail back"
        yield Problem((HERE, "cidr"), text)


def reached(network: NetworkArgs | ExistingNetworkArgs, cluster: ClusterArgs, args: RecoveryArgs) -> Iterator[Problem]:
    """Connections of the VPC there overlap nothing, and a cluster that waits there is deployed to like the site's."""
    taken = {"the VPC": args.cidr, "the site": network.cidr, "Services of the cluster": service_range(args.cidr)}
    yield from (Problem((HERE, "connections", *path), text) for path, text in overlaps(args.connections, taken))
    if args.cluster == "warm":
        yield from api_access.unfinished(args.cidr, args.connections, cluster, place=(HERE, "connections"))


def capacity(pools: Mapping[str, GpuPoolArgs], args: RecoveryArgs) -> Iterator[Problem]:
    """Of every pool it is said what it can count on; nobody takes for granted that another region has GPUs to spare."""
    for name in args.capacity:
        if name not in pools:
            near = did_you_mean(name, pools)
            listed = f"pools are {', '.join(pools)}"
            yield Problem((HERE, "capacity", name), f"names no pool of the cluster: {near or listed}")
    missing = [name for name in pools if name not in args.capacity] if args.cluster != "none" else []
    if missing:
        text = f"does not say what {', '.join(missing)} can count on in {args.region}: state reserved with its zone, or degraded"
        yield Problem((HERE, "capacity"), text)


def copyable(storage: StorageArgs, registry: RegistryArgs | None) -> Mapping[str, BucketArgs]:
    """The buckets that can be copied, those made here, by the names that a stack file has for them."""
    runs = {} if RUNS in storage.existing or registry is None else {RUNS: registry.artifacts}
    return {**storage.made, **runs}


def buckets(known: Iterable[str], endpoints: Iterable[str], args: RecoveryArgs) -> Iterator[Problem]:
    """Only buckets that there are; and with the database goes what its rows point at."""
    names = sorted(known)
    for index, name in enumerate(args.buckets):
        if name not in names:
            near = did_you_mean(name, names)
            listed = f"there are {', '.join(names)}"
            yield Problem((HERE, "buckets", index), f"names no bucket that can be copied: {near or listed}")
    if RUNS in names and RUNS not in args.buckets:
        text = f"lacks {RUNS}: rows of the copied database point into it, and would point at nothing; add it"
        yield Problem((HERE, "buckets"), text)
    if LOADED_FROM in names and LOADED_FROM not in args.buckets and args.cluster != "none" and list(endpoints):
        yield Problem((HERE, "buckets"), f"lacks {LOADED_FROM}, from which endpoints load their weights: add it, or choose cluster: none")


def course(standby: Standby, args: RecoveryArgs, endpoints: Iterable[InferenceEndpointArgs]) -> Course:
    """The recovery step by step, with the longest creations observed and the times that the file states."""
    seconds = {token: latency.of(token).most for parts in PARTS.values() for token in parts.values()}
    slowest = max((endpoint.load_time.seconds for endpoint in endpoints), default=0)
    assumed = args.assumes
    return Course(
        first=(Step("decision", assumed.decide.seconds, stated=True),),
        data=(Step("database restore", assumed.restore.seconds, stated=True),),
        cluster=cluster_steps(standby, seconds),
        last=(
            *([Step("loading of weights", slowest, stated=True)] if slowest else []),
            Step("redirection", assumed.redirect.seconds, stated=True),
        ),
    )


def objectives(args: RecoveryArgs, endpoints: Sequence[InferenceEndpointArgs]) -> Iterator[Problem]:
    """What is promised can be kept by what copies and by what must be made."""
    slowest = least_rpo()
    if slowest.lag and args.rpo < slowest.lag:
        behind = f"{slowest.means} can give, which may be {slowest.lag} behind"
        yield Problem((HERE, "rpo"), f"is less than {behind}: no mechanism here gives less, so allow {slowest.lag}")
    planned = course(args.cluster, args, endpoints)
    if args.cluster != "none" and args.rto and args.rto.seconds < planned.seconds:
        warm = course("warm", args, endpoints)
        wait = f"is less than the {spelled(planned.seconds)} that it takes at most with cluster: {args.cluster} ({told(planned.steps)})"
        if args.cluster == "cold" and warm.seconds <= args.rto.seconds:
            fix = f"choose cluster: warm, which takes {spelled(warm.seconds)}, or allow {spelled(planned.seconds)}"
        elif total(planned.data) >= total(planned.cluster):
            fix = f"allow {spelled(planned.seconds)}, or state shorter times in assumes once a drill has shown them"
        else:
            fix = f"allow {spelled(planned.seconds)}"
        yield Problem((HERE, "rto"), f"{wait}: {fix}")


def not_copied(storage: StorageArgs, args: RecoveryArgs) -> Iterator[Note]:
    """File systems that stay in the site's region, and one that follows by the snapshots of a drill."""
    followed = storage.shared if args.drill and storage.shared and storage.shared.backups else None
    if followed and args.drill:
        kept_for = f"each is kept for {args.drill.keep}, in both regions"
        yield Note("shared files", f"a copy of each day follows, which keeps no rpo; {kept_for}")
    kept = {"scratch": storage.scratch, "shared": None if followed else storage.shared}
    if left := [name for name, args in kept.items() if args]:
        yield Note("not copied", f"file systems {', '.join(left)}: what must outlive the site belongs in a bucket")


def _pool(home: GpuPoolArgs, stated: PoolCapacity) -> str:
    if stated.reserved is not None:
        return f"reserved: {stated.reserved} of {home.max} {home.machine} in {stated.zone}, paid for all the time"
    if not stated.degraded:
        return "degraded: does not come up"
    return f"degraded: at most {stated.degraded} of {home.max} {home.machine}, none promised"


def promises(
    args: RecoveryArgs, pools: Mapping[str, GpuPoolArgs], known: Iterable[str], endpoints: Sequence[InferenceEndpointArgs]
) -> Iterator[Note]:
    """What the recovery region promises, for reports."""
    yield Note("recovery", f"{args.region}, cluster {args.cluster}")
    lag = ", ".join(f"{row.kind} {f'up to {row.lag} behind' if row.lag else 'without a figure'}" for row in MECHANISMS)
    yield Note("rpo", f"{args.rpo} declared; {lag}")
    if args.rto:
        planned = course(args.cluster, args, endpoints)
        yield Note("rto", f"{args.rto} declared; takes up to {spelled(planned.seconds)}: {told(planned.steps)}")
    if args.images == "left":
        yield Note("images", "replicated by another stack of the account and region, which must name this one's repositories")
    if args.drill:
        yield Note("drill", f"a restore of the database is tried {args.drill.every}; state in assumes.restore how long it took")
    for name, stated in args.capacity.items():
        yield Note(f"{name} recovered", _pool(pools[name], stated))
    if left := sorted(set(known) - set(args.buckets)):
        yield Note("not copied", f"buckets {', '.join(left)}")
