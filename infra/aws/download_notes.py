"""Notes of a review on where images are downloaded from. Pure functions."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.aws.network.existing import SurroundingNetworkArgs
from components.aws.network.hosts import download_buckets, host_of
from components.aws.network.vpc import NetworkArgs
from infra.aws.cluster_rules import images_of
from infra.notes import Note
from infra.site_specs import AwsSite


def notes(site: AwsSite, network: NetworkArgs | SurroundingNetworkArgs, parts: Mapping[str, Any]) -> Iterator[Note]:
    """Hosts of images whose redirects are not known, and what owners of a VPC must let through its S3 endpoint."""
    named = {image.partition("/")[0] for _, image in images_of(parts)}
    unknown = sorted(host for host in named if host_of(host) is None)
    if unknown:
        text = f"{', '.join(unknown)}: not known to which hosts it redirects; where that is S3 in {site.region}"
        field = "network.download_buckets" if isinstance(network, NetworkArgs) else "the policy of the VPC's S3 endpoint"
        yield Note("network", f"images come from {text}, add the bucket to {field}")
    if isinstance(network, SurroundingNetworkArgs):
        buckets = ", ".join(download_buckets(site.region))
        yield Note("network", f"its S3 endpoint, if it has a policy, must let anybody read {buckets}: image layers come from there")
