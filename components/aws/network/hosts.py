"""Download hosts: which S3 buckets image and package hosts redirect to, from `components/data/hosts.yaml`. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from components.catalogue.tables import table_of


@dataclass(frozen=True, kw_only=True, slots=True)
class DownloadHost:
    """A host that serves images, charts, packages or models."""

    name: str
    """Host name, or a pattern of several."""
    by: tuple[str, ...]
    """Who asks it: nodes, pods, engine."""
    bucket: str = ""
    """S3 bucket that holds the bytes, with {region} for the client's region; "" where S3 serves none of them."""
    regions: tuple[str, ...] = ()
    """Regions in which `bucket` exists; empty is every region."""
    buckets: Mapping[str, str | None]
    """Buckets that have another name, by region; None where no bucket of the region serves it."""

    def bucket_in(self, region: str) -> str | None:
        """Bucket of a region to which clients in that region are sent, or None."""
        if region in self.buckets:
            return self.buckets[region]
        served = self.bucket and (not self.regions or region in self.regions)
        return self.bucket.format(region=region) if served else None


@cache
def hosts() -> tuple[DownloadHost, ...]:
    """Every host of the table."""
    rows: Mapping[str, Mapping[str, Any]] = table_of("hosts")["hosts"]
    return tuple(
        DownloadHost(
            name=name,
            by=tuple(row["by"]),
            bucket=row.get("bucket", ""),
            regions=tuple(row.get("regions", ())),
            buckets=row.get("buckets", {}),
        )
        for name, row in rows.items()
    )


def host_of(name: str) -> DownloadHost | None:
    """The row of a host name, or None where the table has none."""
    return next((host for host in hosts() if fnmatchcase(name, host.name)), None)


def download_buckets(region: str) -> tuple[str, ...]:
    """Buckets of a region that nodes and pods in it read without credentials of the account, sorted."""
    found = {host.bucket_in(region) for host in hosts() if {"nodes", "pods"} & set(host.by)}
    return tuple(sorted(bucket for bucket in found if bucket))
