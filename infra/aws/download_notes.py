"""Notes of a review on where images are downloaded from. Pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.aws.network.existing import SurroundingNetworkArgs
from components.aws.network.hosts import download_buckets, host_of
from components.aws.network.vpc import NetworkArgs
from components.kubernetes.addons.charts import MirrorArgs
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


def endpoints(network: SurroundingNetworkArgs, services: Sequence[str]) -> Iterator[Note]:
    """Interface endpoints that a VPC of others must have, when nothing in it reaches the internet."""
    if network.closed:
        text = "nothing leaves it, so its owners give it a gateway endpoint of s3, and interface endpoints with private DNS of"
        yield Note("network", f"{text} {', '.join(services)}")


def log_in(site: AwsSite, mirror: MirrorArgs | None) -> Iterator[Note]:
    """The log-in that charts of a private registry need where the engine runs: it is in Helm's own file, never in the state.

    Source: Amazon ECR user guide, "Pushing a Helm chart to an Amazon ECR private repository" (a token is good for 12 hours);
    pulumi-kubernetes, ProviderHelmReleaseSettings.registryConfigPath (Helm's registry configuration is read).
    """
    host = mirror.registry.partition("/")[0] if mirror else ""
    if host.endswith(".amazonaws.com"):
        command = f"aws ecr get-login-password --region {site.region} | helm registry login --username AWS --password-stdin {host}"
        yield Note("operators", f"charts come from {host}, whose log-in is good for 12 hours; before `up`: {command}")
