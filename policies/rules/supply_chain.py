"""Supply chain rules: images by digest, charts by version, repositories that do not change under a tag."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.spec import PLACEHOLDER_ACCOUNT, placeholder
from graph.model import Resource
from policies.model import Book, View, get
from policies.rules.workloads import PODS, containers

BOOK = Book("supply-chain")
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
DEAD = re.compile(r"(^|/)(bitnami|minio)/|ingress-nginx")
"""Images that upstream no longer maintains: Bitnami's free catalogue (2025), MinIO (archived 2026-04), ingress-nginx (retired 2026-03)."""
REPOSITORY = "aws:ecr/repository:Repository"
ACCOUNT = "pulumi:providers:aws"
HOLDERS = (
    ACCOUNT,
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/route:Route",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "kubernetes:eks.amazonaws.com/v1:NodeClass",
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
)
"""Types that hold what only a real account knows: accounts, releases, reservations, networks."""
EXACT = re.compile(r"v?\d+\.\d+\.\d+([-+].*)?")


@BOOK.rule("image-digest", *PODS, title="Images are pinned by digest", remedy="write registry/repository@sha256:<digest>")
def image_digest(workload: Resource, view: View) -> Iterator[str]:
    """A tag may point elsewhere tomorrow."""
    for container in containers(workload):
        if not DIGEST.search(get(container, "image", "")):
            yield f"container {container.get('name')} runs an image without a digest"


@BOOK.rule(
    "placeholder-image",
    *PODS,
    title="No placeholder stands for an image",
    remedy="put the digest that your registry tells",
    severity="critical",
)
def placeholder_image(workload: Resource, view: View) -> Iterator[str]:
    """The digest of zeros that the reference stacks carry."""
    for container in containers(workload):
        if placeholder(get(container, "image", "")):
            yield f"container {container.get('name')} names the placeholder digest"


@BOOK.rule(
    "placeholder-id",
    *HOLDERS,
    title="No placeholder stands for an account, an id, a release or a range of addresses",
    remedy="run groundwork lookup, or put what your account tells",
    severity="critical",
)
def placeholder_id(resource: Resource, view: View) -> Iterator[str]:
    """Ids and releases of zeros, ranges kept for documentation, and the example account where a provider would work in it."""
    for place, text in texts(resource.inputs):
        if placeholder(text) or (resource.type == ACCOUNT and PLACEHOLDER_ACCOUNT in text):
            yield f"{place} holds the placeholder {text}"


def texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a resource's inputs, with its place; descriptions of people are not looked at."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in ("tags", "description", "policy"):
                yield from texts(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from texts(item, f"{place}[{index}]")


@BOOK.rule("image-maintained", *PODS, title="Images have a maintainer", remedy="use the project's own image", severity="medium")
def image_maintained(workload: Resource, view: View) -> Iterator[str]:
    """No dead upstream."""
    for container in containers(workload):
        if DEAD.search(get(container, "image", "")):
            yield f"container {container.get('name')} runs an image that nobody maintains"


@BOOK.rule("repository-immutable", REPOSITORY, title="Tags of images do not move", remedy="set imageTagMutability to IMMUTABLE")
def repository_immutable(repository: Resource, view: View) -> Iterator[str]:
    """What was scanned is what runs."""
    if get(repository, "imageTagMutability") != "IMMUTABLE":
        yield "its tags may be moved"


@BOOK.rule("repository-scanned", REPOSITORY, title="Images are scanned when they are pushed", remedy="set scanOnPush", severity="medium")
def repository_scanned(repository: Resource, view: View) -> Iterator[str]:
    """Known vulnerabilities, found on push."""
    if get(repository, "imageScanningConfiguration.scanOnPush") is not True:
        yield "images are not scanned"


@BOOK.rule("chart-version", "kubernetes:helm.sh/v3:Release", title="Charts are pinned to a version", remedy="set version", severity="high")
def chart_version(release: Resource, view: View) -> Iterator[str]:
    """One exact version, no range."""
    if not EXACT.fullmatch(str(get(release, "version", ""))):
        yield "its chart may change with the repository"
