"""Judgements between a platform's storage and the rest of it on AWS. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence

from components.aws.registry.registry import RegistryArgs
from components.aws.storage.args import StorageArgs
from components.aws.storage.buckets import BucketsArgs
from components.aws.storage.classes import DEFAULT, SHARED
from components.aws.storage.lustre import LustreArgs
from components.aws.storage.retention import RESTORED_BEFORE_READ
from components.kubernetes.serving.args import InferenceEndpointArgs
from components.spec import Problem
from infra.reading.faults import did_you_mean

Path = tuple[str | int, ...]


def said_of_given_artifacts(storage: BucketsArgs, registry: RegistryArgs | None) -> Iterator[Problem]:
    """A problem when a stack file says how an existing bucket of artifacts is kept."""
    if registry and "artifacts" in storage.existing and "artifacts" in registry.model_fields_set:
        text = "would change an existing bucket, which is never modified: remove it, or storage.existing.artifacts"
        yield Problem(("registry", "artifacts"), text)


def landed_is_readable(storage: BucketsArgs) -> Iterator[Problem]:
    """A problem for each class of the streams' bucket whose objects queries leave out.

    Source: Athena user guide, "Query restored Amazon S3 Glacier objects".
    """
    purpose = storage.landing
    args = storage.made.get(purpose)
    for tier in RESTORED_BEFORE_READ:
        if args and tier in args.tiers:
            text = "takes what streams delivered to where no query reads it: use glacier-instant or intelligent-tiering, or expire_after"
            yield Problem(("storage", purpose, "tiers", tier), text)


def pools_in_the_zone(scratch: LustreArgs, pools: Mapping[str, Sequence[str]], zones: Sequence[str]) -> Iterator[Problem]:
    """Problems of a Lustre file system's place; `pools` are zones by pool, none meaning all `zones` of the site."""
    here = ("storage", "scratch")
    if scratch.zone not in zones:
        text = f"is not a zone of the site, which has {', '.join(zones)}: choose one of these, or add it to site.zones"
        yield Problem((*here, "zone"), text)
    for index, name in enumerate(scratch.pools):
        if name not in pools:
            near = did_you_mean(name, pools)
            listed = f"pools are {', '.join(pools)}" if pools else "the cluster has none"
            yield Problem((*here, "pools", index), f"names no pool of the cluster: {near or listed}")
        elif (spread := tuple(pools[name] or zones)) != (scratch.zone,):
            text = f"has nodes in {', '.join(spread)}, and the file system is in {scratch.zone} alone"
            yield Problem((*here, "pools", index), f"{text}: set cluster.pools.{name}.zones to [{scratch.zone}], or move the file system")


def caches_shared(storage: StorageArgs, endpoints: Mapping[str, InferenceEndpointArgs]) -> Iterator[Problem]:
    """A problem for each cache of weights whose volume would never be made, or could be mounted on one node only."""
    for name, endpoint in endpoints.items():
        if endpoint.cache is None or (storage.shared and endpoint.cache.storage_class == SHARED):
            continue
        place = ("endpoints", name, "cache", "storage_class")
        asked = endpoint.cache.storage_class
        if asked == SHARED:
            yield Problem(place, "is the class of storage.shared, which the file does not have: add shared: {} to storage")
        elif asked == DEFAULT or asked in storage.volumes:
            yield Problem(
                place, f"{asked} is of volumes that one node mounts, and replicas run on several: name {SHARED}, with storage.shared"
            )
